//! Repairs invalid Unicode, so that a bad character costs one character and not the record.
//!
//! There are two cases: bytes that are not UTF-8, and escapes of half a surrogate pair (`\ud83d`
//! without its other half). The first break a whole answer, the second only their record. So the
//! bytes are first turned into such an escape, and their record is then reported, too.

/// The escape that replaces bytes that are not UTF-8: half a surrogate pair.
const MARK: &str = "\\ud800";
/// The escape of the replacement character.
const REPLACEMENT: &str = "\\ufffd";
/// Bytes of an escape: `\u` and four digits.
const ESCAPE: usize = 6;

/// Returns the JSON with each run of bytes that are not UTF-8 replaced by the escape of half a
/// surrogate pair; `None` if there are no such bytes.
pub(super) fn mark(json: &[u8]) -> Option<String> {
    if std::str::from_utf8(json).is_ok() {
        return None;
    }
    let mut marked = String::with_capacity(json.len() + ESCAPE);
    for chunk in json.utf8_chunks() {
        marked.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            marked.push_str(MARK);
        }
    }
    Some(marked)
}

/// Returns the JSON with the replacement character for each unpaired surrogate; `None` if there are
/// none.
pub(super) fn mend(json: &str) -> Option<String> {
    let mut mended = String::new();
    let (mut rest, mut kept) = (json, json);
    while let Some(at) = rest.find('\\') {
        let (_, escape) = rest.split_at(at);
        let len = match half(escape) {
            None => 2,
            Some(Half::High)
                if half(escape.get(ESCAPE..).unwrap_or_default()) == Some(Half::Low) =>
            {
                2 * ESCAPE
            }
            Some(Half::High | Half::Low) => {
                let before = kept.len() - escape.len();
                mended.push_str(kept.get(..before).unwrap_or_default());
                mended.push_str(REPLACEMENT);
                kept = escape.get(ESCAPE..).unwrap_or_default();
                ESCAPE
            }
        };
        // An escape has at least two bytes. If the text ends before that, or the second byte is
        // part of a longer character, it is not JSON.
        rest = escape.get(len..).unwrap_or_default();
    }
    if mended.is_empty() {
        return None;
    }
    mended.push_str(kept);
    Some(mended)
}

/// One surrogate of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Returns which surrogate a text begins with, written as an escape.
fn half(text: &str) -> Option<Half> {
    let digits = text.get(..ESCAPE)?.strip_prefix("\\u")?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..0xdc00 => Some(Half::High),
        0xdc00..0xe000 => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_nothing_else_is() {
        for (json, expected) in [
            (r#"{"name":"Zoë"}"#, None),
            (r#""\ud83d\ude00 \u00e9 \\ud83d \n""#, None),
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""a\uD83Db\ude00c""#, Some(r#""a\ufffdb\ufffdc""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\u+83d""#, None),
            ("\"\\", None),
            ("\"\\ud8", None),
        ] {
            assert_eq!(mend(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_halves() {
        for (json, expected) in [
            (&b"\"abc\""[..], None),
            (b"\"a\xffb\"", Some("\"a\\ud800b\"")),
            (b"\"\xe2\x82\"", Some("\"\\ud800\"")),
            (b"\"\xff\xff\"", Some("\"\\ud800\\ud800\"")),
        ] {
            assert_eq!(mark(json).as_deref(), expected, "{json:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_mended_reads_and_needs_no_mending(
            units in proptest::collection::vec(any::<u16>(), 0..20),
            plain in "\\PC{0,8}",
        ) {
            let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let escapes = escapes.concat();
            let quoted = serde_json::to_string(&plain).unwrap();
            let json = format!("{}{escapes}\"", &quoted[..quoted.len() - 1]);
            let expected = format!("{plain}{}", String::from_utf16_lossy(&units));

            let mended = mend(&json);

            let read: String = serde_json::from_str(mended.as_deref().unwrap_or(&json)).unwrap();
            prop_assert_eq!(read, expected);
            prop_assert_eq!(mended.as_deref().and_then(mend), None);
        }
    }
}
