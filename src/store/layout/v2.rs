//! What format 2 changed: runs are stored by tenant, with their totals beside them, so that history
//! is never scanned as a whole. Their bytes are on disk: nothing here is ever changed.

use serde::{Deserialize, Serialize};

use super::stored;
use super::v1::{Held, Kind, KindCounts, Loss, Mode, Outcome, Traffic, Trigger};
use crate::model::{Id, RunId, TenantId, TenantName, Timestamp};

stored!(2: Run, Tally, LastRun, OpenRun);

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
    CountDiffers,
    UnreadableReference,
    ReplacedText,
}

/// Totals over all runs of a tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many runs are kept.
    pub count: u64,
    /// The last run that read the whole tenant and succeeded.
    pub last_sweep: Option<RunId>,
    /// How many losses the partial runs since then have caused. A partial run reads only what the
    /// audit log names.
    pub lost: Vec<(Loss, u64)>,
}

/// The last number that was given to a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct LastRun(pub RunId);

/// The tenant of a run in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRun(pub TenantName);
