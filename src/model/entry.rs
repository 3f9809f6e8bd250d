//! The journal: everything that happened, in the order in which it was found.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Change, EndpointName, HeldLoss, Loss, PlanId, RunId, TenantId, Timestamp};

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

/// Tells one store from every other, also from one that was rebuilt in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreId(pub [u8; 8]);

/// The id under which a receiver meets an entry: the same in every attempt, and in no other
/// store. Holds no full stop, since the signature of Standard Webhooks joins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The store that holds the entry.
    pub store: StoreId,
    /// The entry's place in its journal.
    pub seq: Seq,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: every event has one, and a text that grows is copied again and again.
        let mut digits = [0; 16];
        hex::encode_to_slice(self.seq.0.to_be_bytes(), &mut digits).or(Err(fmt::Error))?;
        let (more, _) = digits.split_at(4);
        let start = more.iter().position(|digit| *digit != b'0');
        let (_, seq) = digits.split_at(start.unwrap_or(more.len()));
        let mut room = [0; 4 + 16 + 1 + 16];
        let mut rest = room.as_mut_slice();
        let mut store = [0; 16];
        hex::encode_to_slice(self.store.0, &mut store).or(Err(fmt::Error))?;
        for part in [b"evt_", store.as_slice(), b"_", seq] {
            rest.write_all(part).or(Err(fmt::Error))?;
        }
        let n_left = rest.len();
        let (text, _) = room.split_at(room.len() - n_left);
        f.write_str(str::from_utf8(text).or(Err(fmt::Error))?)
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

/// The tenant of an entry, as it was called when the entry was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The tenant.
    pub tenant: TenantId,
    /// Its display name at that time.
    pub name: String,
    /// Its region.
    pub region: Option<String>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place. Also the version of the record that it leaves behind.
    pub seq: Seq,
    /// When it was found, by our clock. Never decreases along the journal.
    pub at: Timestamp,
    /// The run that found it and the tenant in which it happened; none for what happened in
    /// our own house.
    pub origin: Option<Origin>,
    /// What happened.
    pub fact: Fact,
}

/// What an entry tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "changes are nearly all there is")]
pub enum Fact {
    /// A record changed.
    Changed(Change),
    /// The first load of the tenant ended here: what was there by then is in the state
    /// without entries of its own.
    Loaded {
        /// Roles found.
        roles: u64,
        /// Groups found.
        groups: u64,
        /// Users found.
        users: u64,
    },
    /// Removals were held: they wait for an operator.
    Held {
        /// The plan that lists them.
        plan: PlanId,
        /// The plan in whose place it is.
        supersedes: Option<PlanId>,
        /// How much is held, and why.
        losses: BTreeMap<Loss, HeldLoss>,
    },
    /// A run was given up, the first after one that was not.
    Failed {
        /// The error's code.
        code: String,
        /// What went wrong, all causes in one line.
        message: String,
    },
    /// What was held or failing is well again.
    Recovered(Recovery),
    /// An endpoint gets nothing any more, until an operator brings it back.
    EndpointDisabled {
        /// Which.
        endpoint: EndpointName,
        /// What happened.
        reason: String,
        /// Since when it has taken nothing; none where it said so itself.
        failing_since: Option<Timestamp>,
    },
}

impl Entry {
    /// Returns the tenant in which it happened.
    pub fn account(&self) -> Option<&Account> {
        self.origin.as_ref().map(|origin| origin.account.as_ref())
    }

    /// Returns the run that found it.
    pub fn run(&self) -> Option<RunId> {
        self.origin.as_ref().map(|origin| origin.run)
    }
}

/// What is well again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The source shows again what was missing: nothing of the plan is left to approve.
    Plan(PlanId),
    /// Runs succeed again.
    Sync,
}

impl Fact {
    /// Returns the event type that a receiver meets, `user.updated` for one. None: nothing
    /// to tell receivers.
    pub fn event_type(&self) -> Option<&'static str> {
        match self {
            Self::Changed(change) => Some(change.event_type()),
            Self::Loaded { .. } => None,
            Self::Held { .. } => Some("sync.held"),
            Self::Failed { .. } => Some("sync.failed"),
            Self::Recovered(_) => Some("sync.recovered"),
            Self::EndpointDisabled { .. } => Some("endpoint.disabled"),
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
            };

            assert_eq!(id.to_string(), expected);
        }
    }
}
