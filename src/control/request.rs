//! What can be asked.

use serde::{Deserialize, Serialize};

use super::{Choice, DeliveryRequest, EventChoice, EventName, EventPage};
use crate::access::{ConcernCode, Severity};
use crate::model::{FindingId, Id, Kind, Mode, PlanId, RecordRef, RunId, TenantName};

/// Rows of an answer at the most.
pub const MAX_PAGE: usize = 500;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How things are.
    Status,
    /// How far the runs under way are.
    Progress,
    /// What the process does that takes its time.
    Doing,
    /// All tenants, by name.
    Tenants,
    /// A page of records of a kind, by tenant and id.
    Records {
        /// Which kind.
        kind: Kind,
        /// Of which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// Which of them.
        choice: Choice,
        /// Where the page before ended.
        after: Option<Place>,
        /// Rows wanted, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// Records of a kind that a person would call so: by id, name, subject or e-mail.
    Find {
        /// Which kind.
        kind: Kind,
        /// In which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// The id, name, subject or e-mail, whole.
        called: String,
    },
    /// How many users hold a role or are in a group, of those that one question reads, and who the
    /// first are.
    Holders {
        /// Of which tenant.
        tenant: TenantName,
        /// The role or group.
        record: RecordRef,
        /// The last user of the page before.
        after: Option<Id>,
        /// Users wanted by name, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// The roles that a user has by groups.
    Inherited {
        /// Of which tenant.
        tenant: TenantName,
        /// The user.
        user: Id,
    },
    /// The last runs, newest first.
    Runs {
        /// Of which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// Which of them.
        which: RunChoice,
        /// Those that began before this one; `None` to begin from the newest on.
        before: Option<RunId>,
        /// Rows wanted, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// One run.
    Run {
        /// Which.
        id: RunId,
    },
    /// A page of the journal.
    Events {
        /// Of which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// Which of them.
        choice: EventChoice,
        /// Where it begins, and which way it goes.
        page: EventPage,
        /// Rows wanted, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// One entry of the journal.
    Event {
        /// Which.
        event: EventName,
    },
    /// About accounts that somebody should look at.
    Findings(FindingRequest),
    /// Held plans, newest first.
    Plans {
        /// Of which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// Rows wanted, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// One held plan.
    Plan {
        /// Which.
        id: PlanId,
    },
    /// What the entries of a held plan come to.
    PlanSummary {
        /// Which.
        id: PlanId,
    },
    /// A page of what a held plan would take away.
    Removals {
        /// Which plan.
        id: PlanId,
        /// The last row of the page before.
        after: Option<RecordRef>,
        /// Rows wanted, [`MAX_PAGE`] at the most.
        limit: usize,
    },
    /// Let the removals of a plan go: do a run now that goes by it, and answer when that has
    /// ended.
    Approve {
        /// Which plan.
        id: PlanId,
    },
    /// Keep everything as it is, as long as the source shows the same removals.
    Reject {
        /// Which plan.
        id: PlanId,
    },
    /// Do a run now, and answer when it has ended.
    Sync {
        /// Of which tenant.
        tenant: TenantName,
        /// Whether its results count.
        mode: Mode,
    },
    /// Check the whole store, and change nothing.
    CheckStore,
    /// Give room back that the store does not need, while it is worked with.
    CompactStore,
    /// What was lost with a damaged store, and no operator has taken note of.
    HistoryLosses,
    /// Take note of it.
    AcceptLosses,
    /// About deliveries.
    Deliveries(DeliveryRequest),
}

/// A question about findings, or what an operator says of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingRequest {
    /// Accounts that somebody should look at.
    List {
        /// In which tenant; `None` for all.
        tenant: Option<TenantName>,
        /// Of which sorts; empty: of all.
        codes: Vec<ConcernCode>,
        /// How grave at the least.
        min: Severity,
        /// Whether those that are open or those that were accepted.
        standing: FindingStanding,
    },
    /// Accept a finding as it is now.
    Accept {
        /// Which.
        id: FindingId,
        /// By whom.
        by: String,
        /// Why.
        why: String,
    },
    /// Take back that a finding was accepted.
    Reopen {
        /// Which.
        id: FindingId,
    },
}

/// Which findings are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStanding {
    /// Those that nobody has accepted, or that have grown since.
    Open,
    /// Those that were accepted as they are.
    Accepted,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunChoice {
    /// All.
    All,
    /// Those that failed or were interrupted.
    Failed,
}

/// A row's place among the records of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its id.
    pub id: Id,
}
