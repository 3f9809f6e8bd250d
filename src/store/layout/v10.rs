//! What format 10 added. Its bytes are on disk: nothing here is ever changed.
//!
//! - Entries about licences.
//! - When the assignments of a subject changed, and what a reading that has not ended has shown.
//! - What is known of readings of licences: how much was listed, how often that failed, which
//!   complete readings were the first and the last, and which licence the assignments are of.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Change, HeldLoss, Loss, Origin, Recovery};
use super::v3::Missing;
use super::v5::RoleMention;
use super::v6::space::SpaceChange;
use super::v8::{Reported, RightChange};
use crate::model::{EndpointName, PlanId, Timestamp};

pub mod licence;

stored!(10: Entry<'a>);

/// An entry without its position, which is in the key, and without its time and version, which
/// precede it. The digest in its event's id is computed from these bytes: they are never rewritten.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub origin: Option<Origin<'a>>,
    pub fact: Fact<'a>,
    pub reported: Option<Reported>,
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
    RightChanged(RightChange<'a>),
    RoleContentChanged {
        role: RoleMention<'a>,
        gained: Vec<Cow<'a, str>>,
        lost: Vec<Cow<'a, str>>,
    },
    SpaceChanged(SpaceChange),
    LicenceChanged(licence::LicenceChange),
}
