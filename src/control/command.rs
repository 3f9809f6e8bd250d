//! The commands that can be given. [`Command`](super::Command) pairs each with its answer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Again, EventName, Wish};
use crate::model::{EndpointName, ExportName, FindingId, Mode, PlanId, Scope, TenantName, TokenId};

/// Do a run now. Answered by the task that does the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// The tenant.
    pub tenant: TenantName,
    /// Whether to store its results.
    pub mode: Mode,
}

/// Write an export now, whatever its schedule says. Answered by the task that writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteExport {
    /// The export.
    pub name: ExportName,
}

/// Apply a plan's removals. The next run applies them, even if this process ends first. Answered by
/// the plan and the task of a run that starts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// The plan.
    pub id: PlanId,
}

/// Keep everything as it is for as long as the source shows the same removals. Answered by the
/// plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The plan.
    pub id: PlanId,
}

/// Accept a finding in its present state. Answered by the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptFinding {
    /// The id of the finding.
    pub id: FindingId,
    /// The reason for it.
    pub why: String,
}

/// Reopen an accepted finding. Answered by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReopenFinding {
    /// The id of the finding.
    pub id: FindingId,
}

/// Acknowledge what was lost with a damaged store. Answered by the losses that were not
/// acknowledged before, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptLosses;

/// Check the whole store, without changing anything. Answered by the task that does the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStore;

/// Return the disk space that the store does not need, while the store stays in use. Answered by
/// the task that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactStore;

/// Read the configuration and the secrets again. Answered by the task that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload;

/// Enable or disable an endpoint, or start a backfill. Answered by the endpoint as it will be once
/// its worker has carried out the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEndpoint {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// What to do.
    pub wish: Wish,
}

/// Send events again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// What to send.
    pub what: Again,
}

/// Discard parked deliveries. Answered by how many there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismiss {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The delivery, or `None` for all of them.
    pub event: Option<EventName>,
}

/// Make a token with which a program reads what is known, over HTTP. Answered by the token, whose
/// text is shown only this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateToken {
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The tenants that it allows to read; empty for all, including those that are added later.
    pub tenants: BTreeSet<TenantName>,
    /// How long it is valid; `None` if it is valid until it is revoked.
    pub lifetime: Option<Duration>,
}

/// Revoke a token: from now on it is refused. Answered by the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeToken {
    /// The id of the token.
    pub id: TokenId,
}
