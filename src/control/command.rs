//! What can be ordered. [`Command`](super::Command) pairs each command with its answer.

use serde::{Deserialize, Serialize};

use super::{Again, EventName, Wish};
use crate::model::{EndpointName, FindingId, Mode, PlanId, TenantName};

/// Do a run now. Answered by the task that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Of which tenant.
    pub tenant: TenantName,
    /// Whether its results count.
    pub mode: Mode,
}

/// Apply a plan's removals: whatever becomes of this process, the next run goes by it. Answered by
/// the plan and the task of a run that begins now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// Which plan.
    pub id: PlanId,
}

/// Keep everything as it is, as long as the source shows the same removals. Answered by the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Which plan.
    pub id: PlanId,
}

/// Accept a finding as it is now. Answered by the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptFinding {
    /// Which.
    pub id: FindingId,
    /// Why.
    pub why: String,
}

/// Take back that a finding was accepted. Answered by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenFinding {
    /// Which.
    pub id: FindingId,
}

/// Confirm what was lost with a damaged store. Answered by what was not confirmed before, the earliest
/// first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptLosses;

/// Check the whole store, and change nothing. Answered by the task that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStore;

/// Give back what the store takes on disk and does not need, while it is worked with. Answered by the
/// task that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactStore;

/// Set an endpoint going, stop it, or let it have everything. Answered by the endpoint as it will be
/// when its worker has taken the order up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEndpoint {
    /// Which endpoint.
    pub endpoint: EndpointName,
    /// What is wanted.
    pub wish: Wish,
}

/// Send events again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// To which endpoint.
    pub endpoint: EndpointName,
    /// What.
    pub what: Again,
}

/// Forget what was given up on. Answered by how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismiss {
    /// At which endpoint.
    pub endpoint: EndpointName,
    /// What; `None` for all of it.
    pub event: Option<EventName>,
}
