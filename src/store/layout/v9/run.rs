//! Runs: a run may read the licence.

use serde::{Deserialize, Serialize};

use crate::model::{RunId, TenantId, TenantName, Timestamp};
use crate::store::layout::stored;
use crate::store::layout::v1::{Held, Kind, KindCounts, Loss, Mode, Outcome, Traffic};
use crate::store::layout::v2::Finding;
use crate::store::layout::v6::run::SpaceCounts;

stored!(9: Run);

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
    pub licence: Option<LicenceCounts>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Trigger {
    Start,
    Schedule,
    Command,
    Audit,
    Gap,
    Spaces,
    Licence,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LicenceCounts {
    pub read: u64,
    pub unreadable: u64,
    pub removed: u64,
    pub kept: u64,
}
