//! Sealed plans and held plans, in format 1.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{GroupId, PlanId, RoleId, RunId, Timestamp};
use crate::store::layout::stored;

use super::entry::{Account, Change};
use super::held::{HeldLoss, Loss};
use super::record::{Record, RecordRef};

stored!(1: PlanRow<'a>, Write<'a>, HeldPlan<'a>, Removal<'a>, Summed);

#[derive(Debug, Serialize, Deserialize)]
pub struct PlanRow<'a> {
    pub head: PlanHead<'a>,
    pub rows_done: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct PlanHead<'a> {
    pub run: RunId,
    pub at: Timestamp,
    pub account: Account<'a>,
    pub rows_total: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "changes are nearly all there is")]
pub enum Write<'a> {
    Change {
        change: Change<'a>,
        fingerprint: [u8; 16],
        raw: Cow<'a, str>,
    },
    Quiet {
        record: Record<'a>,
        fingerprint: [u8; 16],
        raw: Cow<'a, str>,
    },
    Forget {
        record: RecordRef,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct HeldPlan<'a> {
    pub id: PlanId,
    pub account: Account<'a>,
    pub at: Timestamp,
    pub losses: Vec<(Loss, HeldLoss)>,
    pub entries: u64,
    pub checksum: u64,
    pub state: PlanState,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum PlanState {
    Held,
    Approved { at: Timestamp },
    Applied { at: Timestamp, run: RunId },
    Rejected { at: Timestamp },
    Superseded { at: Timestamp, by: PlanId },
    Recovered { at: Timestamp, run: RunId },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Removal<'a> {
    pub record: RecordRef,
    pub label: Cow<'a, str>,
    pub what: Taken<'a>,
}

/// The part of each removal that goes into the checksum of a plan.
#[derive(Debug, Serialize)]
pub struct Summed {
    pub record: RecordRef,
    pub access: Option<(Vec<RoleId>, Vec<GroupId>)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Taken<'a> {
    Record {
        proof: Proof,
    },
    Access {
        roles: Cow<'a, BTreeMap<RoleId, String>>,
        groups: Cow<'a, BTreeMap<GroupId, String>>,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Proof {
    Confirmed,
    NotYetAsked,
}
