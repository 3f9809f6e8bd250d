//! What format 3 changed: entries have versions of their own, separate from their positions, and
//! the ids of their events come from their content. Their bytes are on disk: nothing here is ever
//! changed.
//!
//! Blocks of records and snapshots contain the version of the entry that last changed a record. It
//! takes as many bytes as the position that was there before. A record last changed by an older
//! entry keeps that entry's position as its version: any later version is higher.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Change, HeldLoss, Loss, Origin, Recovery};
use crate::model::{EndpointName, PlanId, Seq, Timestamp};

stored!(3: Head, Entry<'a>, HistoryLosses);

/// How far the store has got.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Head {
    pub commits: u64,
    pub last: u64,
    pub at: Timestamp,
    /// The version of the last entry.
    pub version: u64,
}

/// An entry without its position, which is in the key, and without its time and version, which
/// precede it. The digest in its event's id is computed from these bytes: they are never rewritten.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub origin: Option<Origin<'a>>,
    pub fact: Fact<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "changes are nearly all there is")]
pub enum Fact<'a> {
    Changed(Change<'a>),
    Loaded {
        roles: u64,
        groups: u64,
        users: u64,
    },
    Held {
        plan: PlanId,
        supersedes: Option<PlanId>,
        losses: Vec<(Loss, HeldLoss)>,
    },
    Failed {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
    },
    Recovered(Recovery),
    EndpointDisabled {
        endpoint: Cow<'a, EndpointName>,
        reason: Cow<'a, str>,
        failing_since: Option<Timestamp>,
    },
    Unreadable,
    HistoryLost(Missing),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Missing {
    pub entries: u64,
    pub places: Option<(Seq, Seq)>,
    pub records: u64,
}

/// What was lost with damaged stores, the earliest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryLosses(pub Vec<HistoryLoss>);

#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryLoss {
    pub at: Timestamp,
    pub entry: Seq,
    pub moved_to: String,
    pub damage: String,
    pub missing: Missing,
    pub accepted_at: Option<Timestamp>,
}
