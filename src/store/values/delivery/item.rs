//! What a delivery carries, and the text by which people name it.
//!
//! An entry is named by its position, `17`, and a user of its list by that and the user's number in
//! the list, `17/3`. A snapshot has no position, so its name contains everything that identifies
//! it: `snapshot/TENANT/KIND/ID/MARK/MILLISECONDS`, with the store's number of the tenant. Ids
//! never contain a slash.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{Id, Kind, RecordRef, Seq, Timestamp};
use crate::store::values::tenant_no::TenantNo;

/// The beginning of a snapshot's name.
const SNAPSHOT: &str = "snapshot";

/// What a delivery carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Item {
    /// An entry of the journal.
    Entry(Seq),
    /// The present state of a record.
    Snapshot {
        /// The mark of its backfill: a position in the journal.
        mark: Seq,
        /// When its backfill was requested.
        at: Timestamp,
        /// Its tenant.
        tenant: TenantNo,
        /// The record.
        record: RecordRef,
    },
    /// One user of the list beside an entry.
    Member {
        /// The entry.
        entry: Seq,
        /// The user's number in the list, from 0 on.
        number: u64,
    },
}

/// Entries are in the order of the journal, each before the users of its list; snapshots come after
/// them. The keys of their rows have the same order.
impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.rank(), other.rank()) {
            (Ok(own), Ok(other)) => own.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(own), Err(other)) => own.cmp(&other),
        }
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What snapshots are ordered by.
type OfSnapshot<'a> = (Seq, Timestamp, TenantNo, &'a RecordRef);

impl Item {
    /// Returns what it is ordered by: its position in the journal and in a list, or what a snapshot
    /// consists of.
    fn rank(&self) -> Result<(Seq, Option<u64>), OfSnapshot<'_>> {
        match self {
            Self::Entry(seq) => Ok((*seq, None)),
            Self::Member { entry, number } => Ok((*entry, Some(*number))),
            Self::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => Err((*mark, *at, *tenant, record)),
        }
    }
}

/// The text does not name a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: a sequence number is expected, or `snapshot/…` as it was printed")]
pub struct InvalidItem;

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(seq) => seq.fmt(f),
            Self::Snapshot {
                mark,
                at,
                tenant,
                record,
            } => write!(
                f,
                "{SNAPSHOT}/{tenant}/{}/{}/{mark}/{}",
                record.kind,
                record.id,
                at.millis()
            ),
            Self::Member { entry, number } => write!(f, "{entry}/{number}"),
        }
    }
}

impl FromStr for Item {
    type Err = InvalidItem;

    fn from_str(text: &str) -> Result<Self, InvalidItem> {
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(InvalidItem);
        let first = part()?;
        let item = if first == SNAPSHOT {
            let tenant = TenantNo(number(part()?)?);
            let kind: Kind = part()?.parse().or(Err(InvalidItem))?;
            let id = Id::parse(part()?).or(Err(InvalidItem))?;
            let mark = Seq(number(part()?)?);
            let at = Timestamp::from_millis(number(part()?)?);
            let record = RecordRef { kind, id };
            Self::Snapshot {
                mark,
                at,
                tenant,
                record,
            }
        } else {
            let entry = Seq(number(first)?);
            match parts.next() {
                Some(member) => Self::Member {
                    entry,
                    number: number(member)?,
                },
                None => Self::Entry(entry),
            }
        };
        match parts.next() {
            None => Ok(item),
            Some(_) => Err(InvalidItem),
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, InvalidItem> {
    // `parse` alone would accept a sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidItem);
    }
    text.parse().or(Err(InvalidItem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_a_list_come_behind_its_entry_and_before_the_next() {
        let member = |entry, number| Item::Member {
            entry: Seq(entry),
            number,
        };
        let sorted = [
            Item::Entry(Seq(9)),
            Item::Entry(Seq(10)),
            member(10, 0),
            member(10, 5),
            Item::Entry(Seq(11)),
            member(11, 2),
        ];

        assert!(sorted.is_sorted());
    }

    #[test]
    fn a_name_is_read_back_and_anything_else_is_refused() {
        let snapshot = Item::Snapshot {
            mark: Seq(9),
            at: Timestamp::from_millis(1_767_000_000_000),
            tenant: TenantNo(1),
            record: RecordRef {
                kind: Kind::User,
                id: Id::parse("60d5ca1b2f8a4c0012345678").unwrap(),
            },
        };
        for (item, text) in [
            (Item::Entry(Seq(17)), "17"),
            (
                Item::Member {
                    entry: Seq(17),
                    number: 3,
                },
                "17/3",
            ),
            (
                snapshot,
                "snapshot/1/user/60d5ca1b2f8a4c0012345678/9/1767000000000",
            ),
        ] {
            assert_eq!(item.to_string(), text);
            assert_eq!(text.parse(), Ok(item));
        }
        for text in [
            "",
            "+1",
            "17/",
            "17/3/",
            "17/+3",
            "snapshot",
            "snapshot/1/user/a/9",
            "snapshot/1/user/a/9/7/",
            "snapshot/1/cat/a/9/7",
            "snapshot/1/user/../9/7",
        ] {
            assert_eq!(text.parse::<Item>(), Err(InvalidItem), "{text}");
        }
    }
}
