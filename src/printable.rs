//! Makes text from outside safe to print: characters that a terminal would act on are escaped.
//!
//! Names come from Qlik, answers from receivers, arguments from whoever typed them. A terminal acts
//! on some characters instead of showing them: they move the cursor, break a line, or change the
//! direction of the rest of the text. All code that prints must use one of these functions.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns a text on one line, with nothing in it that a terminal acts on: a line break is `\n`,
/// an escape `\u{1b}`.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_active, write_out)
}

/// The same for text of our own that has several lines: its line breaks stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\n' && is_active(c), write_out)
}

/// The same, so that [`line()`] can be undone: backslashes are doubled.
pub fn reversible(text: &str) -> Cow<'_, str> {
    let write = |out: &mut String, c| match c {
        '\\' => out.push_str(r"\\"),
        c => write_out(out, c),
    };
    escape(text, |c| c == '\\' || is_active(c), write)
}

/// Returns a JSON text that means the same, with nothing in its strings that a terminal acts on.
/// Line breaks stay: in a JSON text they are between values, never in one.
pub fn json(text: &str) -> Cow<'_, str> {
    let write = |out: &mut String, c: char| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            write!(out, "\\u{unit:04x}").unwrap_or_default();
        }
    };
    escape(text, |c| c != '\n' && is_active(c), write)
}

/// Returns whether a text prints as it is.
pub fn is_plain(text: &str) -> bool {
    !text.contains(is_active)
}

/// Returns whether a terminal or text layout acts on a character instead of showing it. Joiners are
/// left alone: emoji and Persian names are written with them.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Direction of writing.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Invisible: two names that differ only by these look the same.
            | '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

fn write_out(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str(r"\n"),
        '\r' => out.push_str(r"\r"),
        '\t' => out.push_str(r"\t"),
        c => out.extend(c.escape_unicode()),
    }
}

fn escape(
    text: &str,
    is_meant: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let Some(first) = text.find(&is_meant) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 8);
    out.push_str(clean);
    for c in rest.chars() {
        match is_meant(c) {
            true => write(&mut out, c),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NASTY: &str = "a\u{1b}[2Jb\nc\u{9b}31md\u{202e}e\u{0}\t\u{feff}";

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        assert_eq!(
            line(NASTY),
            r"a\u{1b}[2Jb\nc\u{9b}31md\u{202e}e\u{0}\t\u{feff}"
        );
        assert_eq!(
            lines("one\ntwo\u{1b}"),
            "one\ntwo\\u{1b}",
            "our own line breaks stay"
        );
    }

    #[test]
    fn names_of_all_the_world_stay_as_they_are() {
        for name in [
            "Ana María",
            "محمد",
            "👩‍👩‍👧",
            "می\u{200c}خواهم",
            "山田 太郎",
            r"ACME\maria",
        ] {
            assert_eq!(line(name), name);
            assert!(is_plain(name));
        }
    }

    proptest! {
        #[test]
        fn json_means_the_same(text in any::<String>()) {
            let text = format!("{NASTY}{text}");
            let written = serde_json::to_string_pretty(&[&text]).unwrap();

            let safe = json(&written);

            prop_assert!(lines(&safe) == safe, "{safe:?}");
            let read: [String; 1] = serde_json::from_str(&safe).unwrap();
            prop_assert_eq!(&read[0], &text);
        }
    }
}
