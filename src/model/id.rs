//! The ids under which Qlik knows its users, roles, groups and spaces.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most bytes an id may have. Qlik's are 24 or 32 long; the bound keeps store keys short.
pub(super) const MAX_LEN: usize = 64;

/// Digits of an id of the usual shape.
const DIGITS: usize = 24;

/// An immutable id given by Qlik, unique within a tenant and kind.
///
/// Nearly all are 24 lower-case hexadecimal digits and are kept in 12 bytes, so
/// that an index of a million users stays small. Their order is the order of
/// their text, which is the order of `sort=+id`; ids of another shape come after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Object([u8; 12]),
    Other(Box<str>),
}

/// The text cannot be an id: it is empty, longer than 64 bytes, or has characters that a path
/// segment may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 1 to {MAX_LEN} letters, digits, `-`, `_`, `.`, `~`, `:` or `@` are expected")]
pub struct InvalidId;

impl Id {
    /// Reads an id from its text.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if let Some(bytes) = object_id(text.as_bytes()) {
            return Ok(Self(Repr::Object(bytes)));
        }
        let fits = !text.is_empty() && text.len() <= MAX_LEN;
        // `.` or `..` alone would lead to another folder in a path.
        let plain = text.bytes().any(|byte| byte != b'.')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.~:@".contains(&b));
        if fits && plain {
            Ok(Self(Repr::Other(text.into())))
        } else {
            Err(InvalidId)
        }
    }

    /// Returns the id's bytes for keys: a tag and 12 bytes, or a tag and the text. The bytes sort
    /// in the order of the ids, and those of a 24-digit id are never a prefix of another id's.
    pub fn to_key(&self) -> Vec<u8> {
        let (tag, bytes): (u8, &[u8]) = match &self.0 {
            Repr::Object(bytes) => (0, bytes),
            Repr::Other(text) => (1, text.as_bytes()),
        };
        let mut key = Vec::with_capacity(1 + bytes.len());
        key.push(tag);
        key.extend_from_slice(bytes);
        key
    }

    /// Reads an id back from [`Id::to_key`]'s bytes.
    pub fn from_key(key: &[u8]) -> Result<Self, InvalidId> {
        match key.split_first() {
            Some((0, rest)) => {
                let bytes = rest.try_into().or(Err(InvalidId))?;
                Ok(Self(Repr::Object(bytes)))
            }
            Some((1, rest)) => {
                let text = std::str::from_utf8(rest).or(Err(InvalidId))?;
                Self::parse(text)
            }
            _ => Err(InvalidId),
        }
    }

    /// Returns the 12 bytes of a 24-digit id, or `None` for an id of another shape.
    pub fn object_bytes(&self) -> Option<[u8; 12]> {
        match &self.0 {
            Repr::Object(bytes) => Some(*bytes),
            Repr::Other(_) => None,
        }
    }

    /// Returns its text. If the id is kept as bytes, the text is written into the given buffer
    /// rather than a new string, since each event needs this for several fields.
    pub(super) fn text<'a>(&'a self, digits: &'a mut [u8; DIGITS]) -> &'a str {
        match &self.0 {
            Repr::Object(bytes) => {
                let written = hex::encode_to_slice(bytes, digits);
                written.expect("24 digits are 12 bytes");
                str::from_utf8(digits).expect("digits are text")
            }
            Repr::Other(text) => text,
        }
    }

    /// Makes the 24-digit id that these bytes encode.
    pub fn from_object_bytes(bytes: [u8; 12]) -> Self {
        Self(Repr::Object(bytes))
    }
}

fn object_id(text: &[u8]) -> Option<[u8; 12]> {
    let digits: &[u8; DIGITS] = text.try_into().ok()?;
    let mut bytes = [0; 12];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(bytes)
}

/// Reads a digit, in lower case only: an id in upper case is another id, and must print as it came.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; DIGITS]))
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.text(&mut [0; DIGITS]))
        } else {
            serializer.serialize_bytes(&self.to_key())
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Reader)
        } else {
            deserializer.deserialize_bytes(Reader)
        }
    }
}

/// Reads an id from its text, or from its bytes for keys.
struct Reader;

impl Visitor<'_> for Reader {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        Id::parse(text).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Id, E> {
        Id::from_key(key).map_err(E::custom)
    }
}

macro_rules! id_of {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Id);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Id> for $name {
            fn from(id: Id) -> Self {
                Self(id)
            }
        }
    };
}

id_of!(
    /// A space's id.
    SpaceId
);
id_of!(
    /// A user's id.
    UserId
);
id_of!(
    /// A role's id.
    RoleId
);
id_of!(
    /// A group's id.
    GroupId
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_would_leave_its_path_segment_is_no_id() {
        for text in [
            "",
            ".",
            "..",
            "a/b",
            "a?b",
            "a#b",
            "a%2fb",
            "a b",
            "é",
            &"x".repeat(65),
        ] {
            assert_eq!(Id::parse(text), Err(InvalidId), "{text:?}");
        }
    }

    #[test]
    fn upper_case_digits_print_as_they_came() {
        let id = Id::parse("60D5CA1B2F8A4C0012345678").unwrap();

        assert_eq!(id.to_string(), "60D5CA1B2F8A4C0012345678");
        assert_eq!(id.object_bytes(), None);
    }

    proptest! {
        #[test]
        fn an_id_survives_text_key_json_and_postcard(
            text in "[0-9a-f]{24}|[A-Za-z0-9_-]{1,64}"
        ) {
            let id = Id::parse(&text).unwrap();

            prop_assert_eq!(id.to_string(), text);
            prop_assert_eq!(Id::from_key(&id.to_key()).unwrap(), id.clone());
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), id.clone());
            let bytes = postcard::to_stdvec(&id).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Id>(&bytes).unwrap(), id);
        }

        #[test]
        fn keys_compare_as_ids_do(
            a in "[0-9a-f]{24}|[a-z0-9]{1,30}", b in "[0-9a-f]{24}|[a-z0-9]{1,30}"
        ) {
            let (a, b) = (Id::parse(&a).unwrap(), Id::parse(&b).unwrap());

            prop_assert_eq!(a.cmp(&b), a.to_key().cmp(&b.to_key()));
        }
    }
}
