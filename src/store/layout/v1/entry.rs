//! Journal entries, in format 1. They must remain readable for ever.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Id, PlanId, RunId, TenantId, Timestamp};
use crate::store::layout::stored;

use super::held::{HeldLoss, Loss};
use super::record::Record;

/// An entry without its position, which is in the key, and its time, which precedes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry<'a> {
    pub origin: Option<Origin<'a>>,
    pub fact: Fact<'a>,
}

stored!(1: Entry<'a>);

#[derive(Debug, Serialize, Deserialize)]
pub struct Origin<'a> {
    pub run: RunId,
    pub account: Account<'a>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account<'a> {
    pub tenant: Cow<'a, TenantId>,
    pub name: Cow<'a, str>,
    pub region: Option<Cow<'a, str>>,
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
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Recovery {
    Plan(PlanId),
    Sync,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "updates are nearly all there is")]
pub enum Change<'a> {
    Created {
        after: Record<'a>,
        replaces: Option<Id>,
    },
    Updated {
        before: Record<'a>,
        after: Record<'a>,
    },
    Deleted {
        before: Record<'a>,
    },
}
