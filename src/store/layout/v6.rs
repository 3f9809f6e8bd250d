//! What format 6 added: spaces, entries about what changed in them, and runs that read them. Their
//! bytes are on disk: nothing here is ever changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Change, HeldLoss, Loss, Origin, Recovery};
use super::v3::Missing;
use super::v5::{RightChange, RoleMention};
use crate::model::{EndpointName, PlanId, Timestamp};

pub mod run;
pub mod space;

stored!(6: Entry<'a>);

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
    RightChanged(RightChange<'a>),
    RoleContentChanged {
        role: RoleMention<'a>,
        gained: Vec<Cow<'a, str>>,
        lost: Vec<Cow<'a, str>>,
    },
    SpaceChanged(space::SpaceChange),
}
