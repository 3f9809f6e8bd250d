//! What format 3 changed: entries have versions of their own, apart from their places, and their
//! events ids of their content. Their bytes are on disk: nothing here is ever changed.
//!
//! In blocks of records and in snapshots stands the version of the entry that left a record as it
//! is. It is as long as the place that stood there before, and a record that was left so by an
//! older entry keeps that entry's place for its version: any version since is higher.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Change, HeldLoss, Loss, Origin, Recovery};
use crate::model::{EndpointName, PlanId, Seq, Timestamp};

stored!(3: Head, Entry<'a>, HistoryLosses);

/// How far the store is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Head {
    pub commits: u64,
    pub last: u64,
    pub at: Timestamp,
    /// The version of the last entry.
    pub version: u64,
}

/// An entry, but for its place, which is in the key, and for its time and its version, which
/// stand before it. The digest in its event's id is one of these bytes: they are never written
/// anew.
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
