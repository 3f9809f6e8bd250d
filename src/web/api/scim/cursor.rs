//! Where a page begins, as an opaque text that clients hand back (RFC 9865).
//!
//! A cursor names the resource after which a page begins, so resources that are added, changed or
//! removed between two pages do not shift the others. A checksum covers what was asked for, so a
//! cursor of another question is refused rather than followed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::error::{ScimError, ScimErrorType};
use crate::control::{ScimPosition, SortedPosition};
use crate::model::Timestamp;

/// The first byte of every cursor, so that a later version can change what follows.
const VERSION: u8 = 1;

/// The most characters of a cursor. It contains ids, and perhaps the name by which is sorted.
const MAX_LEN: usize = 4_096;

/// How many seconds a cursor is valid. Nothing is kept for it, but a walk of more than a day would
/// mix too many states.
pub(super) const TIMEOUT_SECONDS: i64 = 24 * 60 * 60;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScimPageStart {
    /// When the cursor was given out, in seconds.
    pub(super) at: i64,
    /// How many resources a page of this walk has.
    pub(super) count: usize,
    /// The last resource of the page before.
    pub(super) after: After,
}

/// The last resource of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum After {
    Listed(ScimPosition),
    Sorted(SortedPosition),
}

impl ScimPageStart {
    /// Writes the cursor. `list` says what was asked for.
    pub(super) fn write(&self, list: &str) -> String {
        let place = serde_json::to_vec(self).expect("a position is plain data");
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&checksum(list, &place));
        bytes.extend_from_slice(&place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor. Fails if it is of another question, or too old.
    pub(super) fn read(text: &str, list: &str, now: Timestamp) -> Result<Self, ScimError> {
        let found = Self::parse(text, list).ok_or_else(|| {
            ScimError::invalid(
                ScimErrorType::InvalidCursor,
                "the cursor is not one of this question; take `nextCursor` from the page before, \
                 with the same address, filter and order, or send an empty cursor to begin again",
            )
        })?;
        match now.seconds() - found.at > TIMEOUT_SECONDS {
            true => Err(ScimError::invalid(
                ScimErrorType::ExpiredCursor,
                format!("the cursor is older than {TIMEOUT_SECONDS} seconds; begin again"),
            )),
            false => Ok(found),
        }
    }

    fn parse(text: &str, list: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&version, rest) = bytes.split_first()?;
        let (sum, place) = rest.split_first_chunk()?;
        let is_ours = version == VERSION && *sum == checksum(list, place);
        is_ours.then(|| serde_json::from_slice(place).ok())?
    }
}

fn checksum(list: &str, place: &[u8]) -> [u8; 8] {
    let mut covered = list.as_bytes().to_vec();
    covered.push(0);
    covered.extend_from_slice(place);
    xxh3_64(&covered).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::ScimPlace;
    use crate::model::scim::ResourceType;
    use crate::model::{Id, TenantName};

    fn cursor(id: &str) -> ScimPageStart {
        let position = ScimPosition {
            sort: ResourceType::User,
            tenant: TenantName("acme".to_owned()),
            place: ScimPlace::Record(Id::parse(id).unwrap()),
        };
        ScimPageStart {
            at: 1_000,
            count: 25,
            after: After::Sorted(SortedPosition {
                key: Some("é".repeat(100)),
                position,
            }),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_cursor_is_of_one_question_and_ends() {
        let cursor = cursor("60d5ca1b2f8a4c0012345678");
        let text = cursor.write("Users");

        let end = 1_000 + TIMEOUT_SECONDS;
        let read = ScimPageStart::read(&text, "Users", at(end)).unwrap();
        assert_eq!(read, cursor);
        assert!(ScimPageStart::read(&text, "Groups", at(end)).is_err());
        assert!(ScimPageStart::read(&text, "Users", at(end + 1)).is_err());
        let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        assert!(text.chars().all(is_unreserved), "{text}");
    }

    proptest! {
        #[test]
        fn whatever_else_is_sent_is_refused(text in ".{0,80}", place in 0..200_usize, to in 0..64_u8) {
            prop_assert!(ScimPageStart::read(&text, "Users", at(1_000)).is_err());
            let mut damaged = cursor("x1").write("Users").into_bytes();
            let place = place % damaged.len();
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let letter = letters[usize::from(to)];
            prop_assume!(damaged[place] != letter);
            damaged[place] = letter;
            let damaged = String::from_utf8(damaged).unwrap();
            prop_assert!(ScimPageStart::read(&damaged, "Users", at(1_000)).is_err(), "{damaged}");
        }
    }
}
