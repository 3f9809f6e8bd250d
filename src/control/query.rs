//! What can be asked. [`Query`](super::Query) pairs each question with its answer.

use serde::{Deserialize, Serialize};

use super::{
    AttemptPlace, Choice, Ended, EventChoice, EventName, EventPage, ParkedPlace, RecordPlace,
    WaitingPlace,
};
use crate::access::{ConcernCode, Severity};
use crate::model::{EndpointName, Id, Kind, PlanId, RecordRef, RunId, TenantName};

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status;

/// How far the runs under way are, by the names of their tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress;

/// What the process does that takes its time, such as `checking the store: 500 rows`; `None` if
/// nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doing;

/// Tenants, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenants {
    /// Which one; `None` for all.
    pub tenant: Option<TenantName>,
    /// Where the page before ended.
    pub after: Option<TenantName>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// Records of a kind, by tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Which kind.
    pub kind: Kind,
    /// Of which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Which of them.
    pub choice: Choice,
    /// Where the page before ended.
    pub after: Option<RecordPlace>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// Records of a kind that a person would call so: by id, name, subject or e-mail. The first
/// [`MAX_PAGE`](super::MAX_PAGE) or a few more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// Which kind.
    pub kind: Kind,
    /// In which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The id, name, subject or e-mail, whole.
    pub called: String,
}

/// How many users hold a role or are in a group, of those that one question reads, and who the
/// first are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// Of which tenant.
    pub tenant: TenantName,
    /// The role or group.
    pub record: RecordRef,
    /// The last user of the page before.
    pub after: Option<Id>,
    /// Users wanted by name, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// The roles that a user has by groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// Of which tenant.
    pub tenant: TenantName,
    /// The user.
    pub user: Id,
}

/// Runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Of which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Which of them.
    pub which: RunChoice,
    /// Those that began before this one; `None` to begin from the newest on.
    pub before: Option<RunId>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
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

/// One run; answered by `None` if there is no such run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which.
    pub id: RunId,
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Of which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Which of them.
    pub choice: EventChoice,
    /// Where it begins, and which way it goes.
    pub page: EventPage,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Which.
    pub event: EventName,
}

/// Accounts that somebody should look at. A page is that of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// In which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Of which sorts; empty: of all.
    pub codes: Vec<ConcernCode>,
    /// How grave at the least.
    pub min: Severity,
    /// Whether those that are open or those that were accepted.
    pub standing: FindingStanding,
    /// The tenant of the page before.
    pub after: Option<TenantName>,
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

/// Held plans, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plans {
    /// Of which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Which of them.
    pub which: PlanChoice,
    /// Those that were held before this one; `None` to begin from the newest on.
    pub before: Option<PlanId>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// Which plans are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanChoice {
    /// All.
    All,
    /// Those that wait for an operator.
    Held,
}

/// One held plan; answered by `None` if there is no such plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which.
    pub id: PlanId,
}

/// What the entries of a held plan come to; answered by `None` if there is no such plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Which.
    pub id: PlanId,
}

/// What a held plan would take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removals {
    /// Which plan.
    pub id: PlanId,
    /// The last row of the page before.
    pub after: Option<RecordRef>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// What was lost with a damaged store and no operator has confirmed, the earliest first. There is one
/// for each time that a store was damaged, so that this is one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLosses;

/// Endpoints, by name, also those that only the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Which one; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// The last one of the page before.
    pub after: Option<EndpointName>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// Attempts at deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// At which endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// At which event; `None` for any.
    pub event: Option<EventName>,
    /// How they ended.
    pub ended: Ended,
    /// Where the page before ended.
    pub before: Option<AttemptPlace>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// What was given up on, by endpoint, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// At which endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// Where the page before ended.
    pub after: Option<ParkedPlace>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}

/// What waits for another attempt, by endpoint, what is due first before the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// At which endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// Where the page before ended.
    pub after: Option<WaitingPlace>,
    /// Rows wanted, [`MAX_PAGE`](super::MAX_PAGE) at the most.
    pub limit: usize,
}
