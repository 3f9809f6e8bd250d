//! Ids that are derived from the source's own, as StackOne derives its ids.

use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

use crate::model::id::MAX_LEN;
use crate::model::{Id, Kind};

/// What every derived id begins with.
const START: &str = "c28xIQ";

/// The most bytes that are encoded: the longest kind, `_id:` and the longest id.
const PLAIN: usize = 5 + 4 + MAX_LEN;

/// The most characters of a derived id: the start and those bytes, encoded.
const LONGEST: usize = START.len() + (PLAIN * 4).div_ceil(3);

/// The derived id of a record: `c28xIQ` and the URL-safe base64 of `user_id:<id>`. It can be
/// decoded again and carries no further information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnifiedId<'a> {
    kind: Kind,
    id: &'a Id,
}

impl<'a> UnifiedId<'a> {
    /// Derives the id from a record's kind and id.
    pub fn of(kind: Kind, id: &'a Id) -> Self {
        Self { kind, id }
    }

    /// Writes the id into the given buffer rather than a new string, since each event has several.
    fn text(self, buffer: &mut [u8; LONGEST]) -> &str {
        let (kind, mut plain) = (self.kind.singular(), [0; PLAIN]);
        let mut rest = plain.as_mut_slice();
        for part in [kind, "_id:", self.id.text(&mut [0; 24])] {
            rest.write_all(part.as_bytes())
                .expect("the longest kind and id fit");
        }
        let n_left = rest.len();
        let (plain, _) = plain.split_at(PLAIN - n_left);
        let (start, encoded) = buffer.split_at_mut(START.len());
        start.copy_from_slice(START.as_bytes());
        let n_encoded = URL_SAFE_NO_PAD.encode_slice(plain, encoded);
        let n_encoded = n_encoded.expect("the longest kind and id fit");
        let (text, _) = buffer.split_at(START.len() + n_encoded);
        str::from_utf8(text).expect("base64 is text")
    }
}

impl fmt::Display for UnifiedId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; LONGEST]))
    }
}

impl Serialize for UnifiedId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; LONGEST]))
    }
}

/// Returns the text that an id was derived from, such as `user_id:60d5ca1b`; `None` if the id was
/// not derived by this module.
pub fn derived_from(text: &str) -> Option<String> {
    let encoded = text.strip_prefix(START)?;
    let plain = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    String::from_utf8(plain).ok()
}

/// Returns a derived id for something that is not a record.
pub(super) fn composed(text: &str) -> String {
    let mut out = String::from(START);
    URL_SAFE_NO_PAD.encode_string(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_id_fits_and_is_encoded_as_any_text_is() {
        for id in ["60d5ca1b2f8a4c0012345678", "a", &"x".repeat(MAX_LEN)] {
            let id = Id::parse(id).unwrap();
            for kind in Kind::ALL {
                let derived = UnifiedId::of(kind, &id);

                let expected = composed(&format!("{kind}_id:{id}"));
                assert_eq!(derived.to_string(), expected);
                assert_eq!(serde_json::json!(derived), expected);
                let stands_for = derived_from(&expected);
                assert_eq!(stands_for, Some(format!("{kind}_id:{id}")));
            }
        }
    }
}
