//! What format 8 added: entries about rights in spaces, the entry from which on these rights are
//! compared, and what the audit log reports of a change. Their bytes are on disk: nothing here is
//! ever changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Change, HeldLoss, Loss, Origin, Recovery};
use super::v3::Missing;
use super::v5::{AccessChange, RightHolders, RoleMention};
use super::v6::space::SpaceChange;
use crate::model::{EndpointName, GroupId, PlanId, SpaceId, Timestamp, UserId};

pub mod plan;
pub mod session;
pub mod space;

stored!(8: Entry<'a>);

/// An entry without its position, which is in the key, and without its time and version, which
/// precede it. The digest in its event's id is computed from these bytes: they are never rewritten.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub origin: Option<Origin<'a>>,
    pub fact: Fact<'a>,
    pub reported: Option<Reported>,
}

/// What the audit log reports of a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reported {
    pub first: Timestamp,
    pub last: Timestamp,
    pub by: Option<Vec<UserId>>,
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
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RightChange<'a> {
    pub right: Right<'a>,
    pub change: AccessChange,
    pub holders: RightHolders<'a>,
    pub before: Vec<Path<'a>>,
    pub after: Vec<Path<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Right<'a> {
    Role(RoleMention<'a>),
    SpaceRole {
        space: SpaceMention<'a>,
        role: Cow<'a, str>,
    },
    App {
        space: SpaceMention<'a>,
        resource: Option<Cow<'a, str>>,
        sort: Option<Cow<'a, str>>,
        role: Cow<'a, str>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceMention<'a> {
    pub id: SpaceId,
    pub name: Cow<'a, str>,
    pub sort: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Path<'a> {
    Direct,
    Group(GroupId, Option<Cow<'a, str>>),
    Everyone(GroupId, Option<Cow<'a, str>>),
    UserDefault,
    Owner,
}
