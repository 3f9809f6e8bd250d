//! Reads the attributes of an event in the binary mode of `CloudEvents` 1.0, where they are
//! headers.
//!
//! Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use reqwest::header::HeaderMap;

/// What identifies an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) source: String,
    pub(super) id: String,
}

/// Whether the headers carry an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Binary {
    /// They do not.
    No,
    /// They do, but not as the specification says.
    Unreadable,
    /// They carry this one.
    Event(Identity),
}

impl Binary {
    /// Reads the attributes that every event must have. Header names ignore letter case.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        if !headers.contains_key("ce-id") {
            return Self::No;
        }
        let attributes = ["ce-source", "ce-id", "ce-type"].map(|name| attribute(headers, name));
        match attributes {
            [Some(source), Some(id), Some(_kind)] => Self::Event(Identity { source, id }),
            [_, _, _] => Self::Unreadable,
        }
    }
}

/// Returns the value of a header. `None` if it is missing, repeated, empty, or not text.
fn attribute(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let unquoted = unquoted(value.as_bytes().trim_ascii());
    let text = String::from_utf8(percent_decode(&unquoted).collect()).ok()?;
    (!text.is_empty()).then_some(text)
}

/// Unquotes a quoted string, which older versions of the specification allowed.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inner) = inner else {
        return Cow::Borrowed(value);
    };
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            byte => plain.push(byte),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&str, &[u8])]) -> Binary {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        Binary::read(&map)
    }

    fn event(source: &str, id: &str) -> Binary {
        let (source, id) = (source.to_owned(), id.to_owned());
        Binary::Event(Identity { source, id })
    }

    /// The example of the HTTP binding, section 3.1.4.
    #[test]
    fn the_example_of_the_specification_is_read_in_any_letter_case() {
        for [specversion, kind, time, id, source] in [
            ["ce-specversion", "ce-type", "ce-time", "ce-id", "ce-source"],
            ["CE-SpecVersion", "CE-Type", "Ce-Time", "CE-ID", "cE-sOURCE"],
        ] {
            let headers: [(&str, &[u8]); 6] = [
                (specversion, b"1.0"),
                (kind, b"com.example.someevent"),
                (time, b"2018-04-05T03:56:24Z"),
                (id, b"1234-1234-1234"),
                (source, b"/mycontext/subcontext"),
                ("Content-Type", b"application/json; charset=utf-8"),
            ];

            assert_eq!(
                read(&headers),
                event("/mycontext/subcontext", "1234-1234-1234")
            );
        }
    }

    /// Section 3.1.3.2, with its own examples first.
    #[test]
    fn values_are_unquoted_and_then_decoded_once() {
        for (value, expected) in [
            (
                &b"Euro%20%E2%82%AC%20%F0%9F%98%80"[..],
                Some("Euro \u{20ac} \u{1f600}"),
            ),
            (b"%C0%A0", None),
            (b"%e2%82%ac", Some("\u{20ac}")),
            (b"%41%2fB", Some("A/B")),
            (b"100%2541", Some("100%41")),
            (b"\"with space\"", Some("with space")),
            (
                br#""with \"quotes\" and \\""#,
                Some(r#"with "quotes" and \"#),
            ),
            (b"\"Euro%20%E2%82%AC\"", Some("Euro \u{20ac}")),
            (b"\"", Some("\"")),
            (b"5%", Some("5%")),
            (b"%zz%4", Some("%zz%4")),
            ("\u{20ac}".as_bytes(), Some("\u{20ac}")),
            (b"\xff", None),
            (b"  A1 ", Some("A1")),
            (b"", None),
            (b"\"\"", None),
        ] {
            let headers: [(&str, &[u8]); 3] =
                [("ce-id", value), ("ce-source", b"s"), ("ce-type", b"t")];
            let expected = expected.map_or(Binary::Unreadable, |id| event("s", id));

            assert_eq!(read(&headers), expected, "{value:?}");
        }
    }

    #[test]
    fn what_lacks_an_attribute_or_has_it_twice_is_no_event() {
        let [id, source, kind]: [(&str, &[u8]); 3] =
            [("ce-id", b"1"), ("ce-source", b"s"), ("ce-type", b"t")];
        for (headers, expected) in [
            (vec![], Binary::No),
            (vec![source, kind], Binary::No),
            (vec![id], Binary::Unreadable),
            (vec![id, source], Binary::Unreadable),
            (vec![id, kind], Binary::Unreadable),
            (vec![id, id, source, kind], Binary::Unreadable),
            (vec![kind, source, id], event("s", "1")),
        ] {
            assert_eq!(read(&headers), expected, "{headers:?}");
        }
    }
}
