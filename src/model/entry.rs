//! The journal: everything that happened, in the order in which it was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Account, Change, EndpointName, HeldLoss, LicenceChange, Loss, PlanId, Reported, RightChange,
    RoleMention, RunId, SpaceChange, Timestamp,
};

/// Position in the journal. Dense, starts at 1, never reused, also after truncation.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// Returns the position that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Distinguishes a store from every other, including one that was rebuilt in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreId(pub [u8; 8]);

/// Orders the events of a record for a receiver: the higher version is the newer state.
///
/// The wall clock in microseconds, or one more than the version before it if that is higher. So
/// versions still grow after an older copy of the store was restored; positions in the journal do
/// not. Entries from formats without versions use their position.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version of what was there before the first entry.
    pub const START: Self = Self(0);

    /// Returns the first version of a time, or the lowest one for a time before 1970.
    pub fn at(time: Timestamp) -> Self {
        Self(u64::try_from(time.millis().saturating_mul(1_000)).unwrap_or(0))
    }

    /// Returns the version that follows, at a time.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Self {
        Self::at(now).max(Self(self.0 + 1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A digest of the whole content of an entry: the start of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryDigest(pub [u8; 16]);

/// The version and the digest of an entry, which entries have since format 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Orders the entry among those of its record.
    pub version: Version,
    /// Represents the entry's content in the id of its event.
    pub digest: EntryDigest,
}

/// The id under which receivers see an entry. It is the same in every attempt; no other store and
/// no other content has the same id. It contains no full stop, since the signature of Standard
/// Webhooks uses that as a separator.
///
/// If an older copy of a store is restored, new entries take positions in the journal that others
/// had before. The digest keeps their ids apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventId {
    /// The store that holds the entry.
    pub store: StoreId,
    /// The entry's position in its journal.
    pub seq: Seq,
    /// A digest of its content; `None` if the entry's format had no digests.
    pub digest: Option<EntryDigest>,
    /// The number of a user in the entry's list, if the event is about this user alone.
    pub member: Option<u64>,
}

impl EventId {
    /// Returns the id of the event about one user of the entry's list, by the user's number.
    #[must_use]
    pub fn of_member(self, number: u64) -> Self {
        Self {
            member: Some(number),
            ..self
        }
    }
}

/// The text is not the id of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event, which begins with `evt_`")]
pub struct InvalidEventId;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written in one piece: every event has an id, and a growing string is copied again and
        // again.
        let mut digits = [0; 16];
        hex::encode_to_slice(self.seq.0.to_be_bytes(), &mut digits).or(Err(fmt::Error))?;
        let (more, _) = digits.split_at(4);
        let start = more.iter().position(|digit| *digit != b'0');
        let (_, seq) = digits.split_at(start.unwrap_or(more.len()));
        let mut buffer = [0; 4 + 16 + 1 + 16 + 1 + 32];
        let mut rest = buffer.as_mut_slice();
        let mut store = [0; 16];
        hex::encode_to_slice(self.store.0, &mut store).or(Err(fmt::Error))?;
        for part in [b"evt_", store.as_slice(), b"_", seq] {
            rest.write_all(part).or(Err(fmt::Error))?;
        }
        if let Some(EntryDigest(bytes)) = self.digest {
            let mut digest = [0; 32];
            hex::encode_to_slice(bytes, &mut digest).or(Err(fmt::Error))?;
            for part in [b"_".as_slice(), &digest] {
                rest.write_all(part).or(Err(fmt::Error))?;
            }
        }
        let n_left = rest.len();
        let (text, _) = buffer.split_at(buffer.len() - n_left);
        f.write_str(str::from_utf8(text).or(Err(fmt::Error))?)?;
        match self.member {
            Some(member) => write!(f, "_{member}"),
            None => Ok(()),
        }
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let mut parts = text.strip_prefix("evt_").ok_or(InvalidEventId)?.split('_');
        let mut number = |lengths: std::ops::RangeInclusive<usize>| {
            let part = parts.next()?;
            // Parsing as a number would also accept a sign.
            let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let fits = is_hex && lengths.contains(&part.len());
            fits.then_some(part)
        };
        let store = number(16..=16).ok_or(InvalidEventId)?;
        let seq = number(1..=16).ok_or(InvalidEventId)?;
        let of_hex = |digits| u64::from_str_radix(digits, 16).or(Err(InvalidEventId));
        let mut digest = None;
        if let Some(digits) = parts.next() {
            let mut bytes = [0; 16];
            hex::decode_to_slice(digits, &mut bytes).or(Err(InvalidEventId))?;
            digest = Some(EntryDigest(bytes));
        }
        let mut member = None;
        if let Some(digits) = parts.next() {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_number.then(|| digits.parse().ok()).flatten();
            member = Some(number.ok_or(InvalidEventId)?);
        }
        match parts.next() {
            Some(_) => Err(InvalidEventId),
            None => Ok(Self {
                store: StoreId(of_hex(store)?.to_be_bytes()),
                seq: Seq(of_hex(seq)?),
                digest,
                member,
            }),
        }
    }
}

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run that found it.
    pub run: RunId,
    /// The tenant in which it happened. Shared by entries that are read together.
    pub account: Arc<Account>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its position.
    pub seq: Seq,
    /// Its version and digest; `None` if it was written before entries had them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// When it was found, by our clock. Never decreases along the journal.
    pub at: Timestamp,
    /// The run that found it and the tenant in which it happened; `None` if it happened in
    /// qlik-roster itself.
    pub origin: Option<Origin>,
    /// What the audit log reports of it; `None` if it was found otherwise, or written before format
    /// 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// What happened.
    pub fact: Fact,
}

/// What an entry records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "changes are nearly all there is")]
pub enum Fact {
    /// A record changed.
    Changed(Change),
    /// The first load of the tenant ended here. The records found until then are in the state but
    /// have no entries of their own.
    Loaded {
        /// Roles found.
        roles: u64,
        /// Groups found.
        groups: u64,
        /// Users found.
        users: u64,
    },
    /// A space changed, or its assignments or shares did.
    SpaceChanged(SpaceChange),
    /// The assignments of a licence changed. Receivers are not told: the licence may be that of
    /// several tenants, and each of them would tell the same.
    LicenceChanged(LicenceChange),
    /// Removals were held: they wait for an operator.
    Held {
        /// The plan that lists them.
        plan: PlanId,
        /// The plan that this one replaces.
        supersedes: Option<PlanId>,
        /// How much is held, and why.
        losses: BTreeMap<Loss, HeldLoss>,
    },
    /// A run failed. Only the first failure after a run that did not fail has an entry.
    Failed {
        /// The error's code.
        code: String,
        /// What went wrong, all causes in one line.
        message: String,
    },
    /// Something that was held or failing has recovered.
    Recovered(Recovery),
    /// An endpoint was disabled: it gets nothing until an operator enables it again.
    EndpointDisabled {
        /// The endpoint.
        endpoint: EndpointName,
        /// What happened, as far as other receivers may know: the code and its message. The causes
        /// are left out, since they would reveal the address of the endpoint's receiver.
        reason: String,
        /// When it began to fail; `None` if its receiver asked to be disabled.
        failing_since: Option<Timestamp>,
    },
    /// The entry at this position could no longer be read after the store was damaged.
    Unreadable,
    /// The store was damaged, and part of it could no longer be read.
    HistoryLost(Missing),
    /// Users have come to hold a right, hold it no longer, or hold it by other paths.
    RightChanged(RightChange),
    /// What a role allows has changed.
    RoleContentChanged {
        /// The role.
        role: RoleMention,
        /// The permissions and scopes that it carries now and did not before.
        gained: BTreeSet<String>,
        /// Those that it carried before and does not now.
        lost: BTreeSet<String>,
    },
}

/// What could not be read of a damaged store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Entries of the journal.
    pub entries: u64,
    /// The first and the last of them; `None` if there are none.
    pub places: Option<(Seq, Seq)>,
    /// Records, as far as their number is known.
    pub records: u64,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            entries,
            places,
            records,
        } = self;
        write!(f, "{entries} events")?;
        if let Some((first, last)) = places {
            write!(f, " between {first} and {last}")?;
        }
        write!(f, " and {records} records could not be read")
    }
}

/// A part of the history that was lost with a damaged store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLoss {
    /// When it was noticed.
    pub at: Timestamp,
    /// The entry that reports it.
    pub entry: Seq,
    /// The folder, next to the store, that holds the damaged one.
    pub moved_to: String,
    /// What was found to be damaged first.
    pub damage: String,
    /// What could not be read.
    pub missing: Missing,
    /// When an operator acknowledged it; `None` if nobody has.
    pub accepted_at: Option<Timestamp>,
}

impl Entry {
    /// Returns the version that the record has after this entry.
    pub fn version(&self) -> Version {
        self.stamp
            .map_or(Version(self.seq.0), |stamp| stamp.version)
    }

    /// Returns the id under which receivers see it.
    pub fn event_id(&self, store: StoreId) -> EventId {
        EventId {
            store,
            seq: self.seq,
            digest: self.stamp.map(|stamp| stamp.digest),
            member: None,
        }
    }

    /// Returns the tenant in which it happened.
    pub fn account(&self) -> Option<&Account> {
        self.origin.as_ref().map(|origin| origin.account.as_ref())
    }

    /// Returns the run that found it.
    pub fn run(&self) -> Option<RunId> {
        self.origin.as_ref().map(|origin| origin.run)
    }
}

/// What has recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The source shows the missing records again: nothing in the plan is left to approve.
    Plan(PlanId),
    /// Runs succeed again.
    Sync,
}

impl Fact {
    /// Returns the event type that receivers see, such as `user.updated`; `None` if receivers are
    /// not told of it.
    pub fn event_type(&self) -> Option<&'static str> {
        match self {
            Self::Changed(change) => Some(change.event_type()),
            Self::SpaceChanged(change) => Some(change.event_type()),
            Self::Loaded { .. } | Self::LicenceChanged(_) | Self::Unreadable => None,
            Self::Held { .. } => Some("sync.held"),
            Self::Failed { .. } => Some("sync.failed"),
            Self::Recovered(_) => Some("sync.recovered"),
            Self::EndpointDisabled { .. } => Some("endpoint.disabled"),
            Self::HistoryLost(_) => Some("history.lost"),
            Self::RightChanged(right) => Some(right.change.event_type()),
            Self::RoleContentChanged { .. } => Some("role.content_changed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_has_twelve_digits_or_more() {
        let store = StoreId([0, 1, 0xab, 0, 0, 0, 0, 0xff]);
        for (seq, expected) in [
            (0x2a, "evt_0001ab00000000ff_00000000002a"),
            ((1 << 48) - 1, "evt_0001ab00000000ff_ffffffffffff"),
            (1 << 48, "evt_0001ab00000000ff_1000000000000"),
            (u64::MAX, "evt_0001ab00000000ff_ffffffffffffffff"),
        ] {
            let id = EventId {
                store,
                seq: Seq(seq),
                digest: None,
                member: None,
            };

            assert_eq!(id.to_string(), expected);
            assert_eq!(expected.parse(), Ok(id));
            let bound = EventId {
                digest: Some(EntryDigest([0x5a; 16])),
                ..id
            };
            let text = format!("{expected}_{}", "5a".repeat(16));
            assert_eq!(bound.to_string(), text);
            assert_eq!(text.parse(), Ok(bound));
            let of_user = bound.of_member(12);
            assert_eq!(of_user.to_string(), format!("{text}_12"));
            assert_eq!(format!("{text}_12").parse(), Ok(of_user));
            assert_eq!(format!("{text}_+1").parse::<EventId>(), Err(InvalidEventId));
        }
    }

    #[test]
    fn a_version_follows_the_clock_and_never_goes_back() {
        let at = |millis| Timestamp::from_millis(millis);

        assert_eq!(Version(7).next(at(5)), Version(5_000));
        assert_eq!(Version(5_000).next(at(5)), Version(5_001));
        assert_eq!(Version(9_000).next(at(5)), Version(9_001));
        assert_eq!(Version(9_000).next(at(-5)), Version(9_001));
    }
}
