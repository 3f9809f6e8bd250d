//! One canonical form for texts that people consider the same.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Returns a text in the form in which it is compared and hashed: Unicode NFC, trimmed, in lower
/// case.
///
/// Directories and identity providers vary all three without meaning anything by it: an `é` may be
/// one character or two, and addresses may be written with capitals or without.
pub fn canonical(text: &str) -> String {
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    let composed: Cow<'_, str> = nfc.normalize(text);
    // A lower-case letter may consist of several characters, so the text is composed again.
    let small = composed.trim().to_lowercase();
    match nfc.normalize(&small) {
        Cow::Borrowed(_) => small,
        Cow::Owned(composed) => composed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_the_same_is_the_same() {
        for (text, expected) in [
            ("Ann@Example.com", "ann@example.com"),
            (" ann@example.com\u{a0}\n", "ann@example.com"),
            ("Zoe\u{308}", "zoë"),
            ("ZOË", "zoë"),
            ("ﬁ", "ﬁ"),
            ("A  B", "a  b"),
            ("", ""),
        ] {
            assert_eq!(canonical(text), expected, "{text:?}");
        }
        assert_ne!(canonical("zoe"), canonical("zoë"));
    }

    proptest! {
        #[test]
        fn it_is_of_its_own_form(text in any::<String>()) {
            let once = canonical(&text);

            prop_assert_eq!(canonical(&once), once);
        }
    }
}
