//! Where a page begins, as an opaque text that clients hand back.
//!
//! Records are listed in the order of tenant and id, and a cursor names the record after which a
//! page begins. So records that are added, changed or removed between two pages do not shift the
//! others: a record that exists throughout is listed once. A checksum covers what was asked for, so
//! a cursor of another list is refused rather than followed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::error::ApiError;
use crate::control::RecordPosition;
use crate::model::Seq;

/// The first byte of every cursor, so that a later version can change what follows.
const VERSION: u8 = 1;

/// The most characters of a cursor.
const MAX_LEN: usize = 1_024;

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageStart {
    /// The last record that was listed in full on the pages before; `None` if there is none.
    pub(super) after: Option<RecordPosition>,
    /// The role and the id of the last policy on the page before; `None` if that page ended with
    /// the last policy of a role.
    pub(super) within: Option<(RecordPosition, String)>,
    /// The entry with which the page before ended, if it listed deleted records, which follow all
    /// others; `None` for a page of records that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deleted: Option<Seq>,
}

impl PageStart {
    /// Returns the page after a record.
    pub(super) fn after(record: RecordPosition) -> Self {
        Self {
            after: Some(record),
            ..Self::default()
        }
    }

    /// Returns the first page of deleted records.
    pub(super) fn of_deleted() -> Self {
        Self {
            deleted: Some(Seq::START),
            ..Self::default()
        }
    }
}

/// Writes a cursor. `list` says what was asked for.
pub(super) fn write(place: &impl Serialize, list: &str) -> String {
    let place = serde_json::to_vec(place).expect("a position is plain data");
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&checksum(list, &place));
    bytes.extend_from_slice(&place);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor. Fails if it is not of the same list.
pub(super) fn read<P: DeserializeOwned>(text: &str, list: &str) -> Result<P, ApiError> {
    parse(text, list).ok_or_else(|| {
        ApiError::invalid(
            "`next` is not a cursor of this list; take it from the page before, with the same \
             account and filter, or leave it out to begin again",
        )
    })
}

fn parse<P: DeserializeOwned>(text: &str, list: &str) -> Option<P> {
    if text.len() > MAX_LEN {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (&version, rest) = bytes.split_first()?;
    let (sum, place) = rest.split_first_chunk()?;
    let is_ours = version == VERSION && *sum == checksum(list, place);
    is_ours.then(|| serde_json::from_slice(place).ok())?
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
    use crate::model::{Id, TenantName};

    fn cursor(tenant: &str, id: &str) -> PageStart {
        let after = RecordPosition {
            tenant: TenantName(tenant.to_owned()),
            id: Id::parse(id).unwrap(),
        };
        PageStart {
            after: Some(after.clone()),
            within: Some((after, format!("{id}/permissions"))),
            deleted: None,
        }
    }

    #[test]
    fn a_cursor_is_of_one_list() {
        let cursor = cursor("acme", "60d5ca1b2f8a4c0012345678");
        let text = write(&cursor, "users acme");

        assert_eq!(read::<PageStart>(&text, "users acme").unwrap(), cursor);
        assert!(read::<PageStart>(&text, "users beta").is_err());
        assert!(read::<PageStart>("", "users acme").is_err());
    }

    proptest! {
        #[test]
        fn whatever_else_is_sent_is_refused(text in ".{0,80}", at in 0..60_usize, to in 0..64_u8) {
            prop_assert!(read::<PageStart>(&text, "users acme").is_err());
            let mut damaged = write(&cursor("acme", "x1"), "users acme").into_bytes();
            let at = at % damaged.len();
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let letter = letters[usize::from(to)];
            prop_assume!(damaged[at] != letter);
            damaged[at] = letter;
            let damaged = String::from_utf8(damaged).unwrap();
            prop_assert!(read::<PageStart>(&damaged, "users acme").is_err(), "{damaged}");
        }
    }
}
