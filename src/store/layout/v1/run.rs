//! Runs, in format 1.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Id, PlanId, RunId, TenantId, TenantName, Timestamp};
use crate::store::layout::stored;

use super::held::{HeldLoss, Loss};
use super::record::Kind;

stored!(1: Run);

#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub tenant_name: TenantName,
    pub tenant: Option<TenantId>,
    pub trigger: Trigger,
    pub mode: Mode,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub outcome: Outcome,
    pub counts: Vec<(Kind, KindCounts)>,
    pub population: Vec<(Loss, u64)>,
    pub lost: Vec<(Loss, u64)>,
    pub held: Option<Held>,
    pub traffic: Traffic,
    pub findings: Vec<Finding>,
    pub audit_missed: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Trigger {
    Start,
    Schedule,
    Command,
    Audit,
    Gap,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Mode {
    Commit,
    DryRun,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    Running,
    Succeeded,
    Degraded,
    Held,
    Incomplete { reason: String },
    Failed { code: String, message: String },
    Interrupted,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct KindCounts {
    pub seen: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub rescued: u64,
    pub unreadable: u64,
    pub partial: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Traffic {
    pub requests: u64,
    pub retries: u64,
    pub waited: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    pub plan: Option<PlanId>,
    pub losses: Vec<(Loss, HeldLoss)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    pub code: FindingCode,
    pub kind: Kind,
    pub id: Option<Id>,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum FindingCode {
    UnreadableRecord,
    HiddenRoles,
    HiddenGroups,
    Rescued,
    ForbiddenCollection,
    AuditForbidden,
    AuditGap,
    Unconfirmed,
}
