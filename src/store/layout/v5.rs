//! What format 5 added: entries about what users hold, the lists of users beside them, how far each
//! tenant's rights were compared, and deliveries of a single user of a list. Their bytes are on
//! disk: nothing here is ever changed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{
    Backfill, Change, Disabled, Failing, HeldLoss, Loss, Origin, RecordRef, Recovery, Trouble,
};
use super::v3::Missing;
use crate::model::{EndpointName, GroupId, PlanId, RoleId, Seq, Timestamp, UserId};

stored!(5: Entry<'a>, ListPart<'a>, ListHead, RightsMark, Cursor, Parked, Attempts<'a>);

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
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RightChange<'a> {
    pub role: RoleMention<'a>,
    pub change: AccessChange,
    pub holders: RightHolders<'a>,
    pub before: Vec<Path<'a>>,
    pub after: Vec<Path<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RoleMention<'a> {
    pub id: RoleId,
    pub name: Cow<'a, str>,
    pub level: Option<Cow<'a, str>>,
    pub is_unknown: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum AccessChange {
    Granted,
    Revoked,
    PathChanged,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Path<'a> {
    Direct,
    Group(GroupId, Option<Cow<'a, str>>),
    Everyone(GroupId, Option<Cow<'a, str>>),
    UserDefault,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum RightHolders<'a> {
    One(Holder<'a>),
    Listed { list: u64, count: u64 },
    Everybody { count: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Holder<'a> {
    pub id: UserId,
    pub subject: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub email: Option<Cow<'a, str>>,
    pub is_bot: bool,
    pub barrier: Option<Barrier>,
    pub account: AccountChange,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Barrier {
    Disabled,
    Invited,
    InvitationEnded,
    UnknownStatus,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum AccountChange {
    Stayed,
    Created,
    Deleted,
}

/// Some users of a list, in the order of their ids.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPart<'a>(pub Vec<Holder<'a>>);

/// The entry that a list belongs to, and how many users it has.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ListHead {
    pub entry: Seq,
    pub count: u64,
}

/// How far a tenant's rights were compared.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RightsMark {
    pub told: Seq,
    pub under_way: Option<(Seq, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    pub settled: Seq,
    pub ahead: Vec<Seq>,
    pub trouble: Option<Trouble>,
    pub failing: Option<Failing>,
    pub disabled: Option<Disabled>,
    pub backfill: Option<Backfill>,
    pub expansion: Option<Expansion>,
    pub delivered_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Expansion {
    pub entry: Seq,
    pub settled: Option<u64>,
    pub beyond: Vec<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Item {
    Entry(Seq),
    Snapshot {
        mark: Seq,
        at: Timestamp,
        tenant: u32,
        record: RecordRef,
    },
    Member {
        entry: Seq,
        number: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Parked {
    pub item: Item,
    pub reason: String,
    pub at: Timestamp,
    pub attempts: u32,
}

/// The attempts of one row, one after the other.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attempts<'a>(pub Vec<Attempt<'a>>);

#[derive(Debug, Serialize, Deserialize)]
pub struct Attempt<'a> {
    pub item: Item,
    pub event_type: Cow<'a, str>,
    pub number: u32,
    pub at: Timestamp,
    pub took_ms: u32,
    pub status: Option<u16>,
    pub answer: Cow<'a, str>,
    pub error: Option<Cow<'a, str>>,
}
