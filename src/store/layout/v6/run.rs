//! Runs: a run may read spaces.

use serde::{Deserialize, Serialize};

use crate::model::{RunId, TenantId, TenantName, Timestamp};
use crate::store::layout::stored;
use crate::store::layout::v1::{Held, Kind, KindCounts, Loss, Mode, Outcome, Traffic};
use crate::store::layout::v2::Finding;

stored!(6: Run);

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
    pub spaces: Option<SpaceCounts>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Trigger {
    Start,
    Schedule,
    Command,
    Audit,
    Gap,
    Spaces,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SpaceCounts {
    pub listed: u64,
    pub read: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub unseen: u64,
}
