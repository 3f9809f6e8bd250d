//! The questions that can be asked. [`Query`](super::Query) pairs each with its answer.

mod event_feed;
mod findings;
mod licences;
mod report;
mod scim;
mod spaces;
mod stale;
mod tokens;
mod unified;

use serde::{Deserialize, Serialize};

use super::{
    AccessChangeChoice, AccessChangePosition, AttemptPosition, ChangeChoice, Choice, Ended,
    EventChoice, EventName, EventPage, InheritedPosition, MAX_PAGE, ParkedPosition, RecordPosition,
    RemovalChoice, StatusPosition, TaskId, UserAccessPosition, WaitingPosition,
};
use crate::model::{
    EndpointName, ExportName, GroupId, Id, Kind, PlanId, RecordRef, RoleId, RunId, Seq, TenantName,
    Timestamp, UserId,
};

pub use event_feed::{EventFeed, FeedChoice, FeedFormat, FeedFrom};
pub use findings::{FindingStanding, Findings};
pub use licences::{LicenceTenants, Licences};
pub use report::ReportRows;
pub use scim::{ScimCount, ScimResource, ScimResources, ScimScope, ScimSorted};
pub use spaces::{Opened, Owned, SpaceAccess, SpaceRights, Spaces};
pub use stale::{StaleAccess, StaleWho};
pub use tokens::Tokens;
pub use unified::{
    AskedTenants, Expansion, UnifiedDeleted, UnifiedRecord, UnifiedRecords, UnifiedTenants,
};

/// The overall state: losses of history, tenants, endpoints, rules that match nothing, and exports.
/// The default is the first page of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the tenants, only this one; `None` for all.
    pub tenant: Option<TenantName>,
    /// Of the endpoints, only this one; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// Of the exports, only this one; `None` for all.
    pub export: Option<ExportName>,
    /// Where the previous page ended.
    pub after: Option<StatusPosition>,
    /// How many rows are wanted of all lists together, at most [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            tenant: None,
            endpoint: None,
            export: None,
            after: None,
            limit: MAX_PAGE,
        }
    }
}

/// The progress of the runs under way, by tenant name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// Where the previous page ended.
    pub after: Option<TenantName>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// The slow work that the process is doing, such as `checking the store: 500 rows`; `None` if there
/// is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doing;

/// Tenants, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenants {
    /// Which one; `None` for all.
    pub tenant: Option<TenantName>,
    /// Where the previous page ended.
    pub after: Option<TenantName>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Records of a kind, by tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The kind.
    pub kind: Kind,
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The filter.
    pub choice: Choice,
    /// Where the previous page ended.
    pub after: Option<RecordPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Records of a kind that match a name: by id, name, subject or e-mail. In a tenant where no id
/// matches, all records of the kind are read for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// The kind.
    pub kind: Kind,
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The complete id, name, subject or e-mail.
    pub called: String,
    /// Where the previous page ended.
    pub after: Option<RecordPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// How many users hold a role or are in a group, among those that one question reads, and the first
/// of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// The tenant.
    pub tenant: TenantName,
    /// The role or group.
    pub record: RecordRef,
    /// The last user of the previous page.
    pub after: Option<Id>,
    /// How many users to name, at most [`MAX_PAGE`]; 0 for counts alone.
    pub limit: usize,
}

/// The groups that give a role, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantingGroups {
    /// The tenant.
    pub tenant: TenantName,
    /// The role.
    pub role: RoleId,
    /// Only groups whose name contains this, ignoring case; `None` for all.
    pub name: Option<String>,
    /// The last group of the previous page.
    pub after: Option<GroupId>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// The roles that a user has through groups, and the groups whose roles are not visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// The tenant.
    pub tenant: TenantName,
    /// The user.
    pub user: Id,
    /// Where the previous page ended.
    pub after: Option<InheritedPosition>,
    /// How many roles and groups are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Who holds a role, by which paths. Roles that all users hold are in the envelope, not in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The tenant.
    pub tenant: TenantName,
    /// The role, by id or name; `None` for all roles.
    pub role: Option<String>,
    /// Which rows are wanted.
    pub which: Which,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The last user of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`] and the rest of the last user's rows.
    pub limit: usize,
}

/// Evidence of who had which roles at one time: a page of rows, each with the time since which the
/// user has had the role, and the number of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessReview {
    /// The tenant.
    pub tenant: TenantName,
    /// The roles, by id or name; empty for all roles.
    pub roles: Vec<String>,
    /// The time that the evidence describes; `None` for now. Questions for later pages repeat the
    /// time that the first page names.
    pub at: Option<Timestamp>,
    /// The last user of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`] and the rest of the last user's rows.
    pub limit: usize,
}

/// Which rows of access are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Whatever a user holds by a path that not everybody has.
    Own,
    /// What a user holds by several paths, so that removing one changes nothing.
    Redundant,
    /// The role that is asked about, for users who do not hold it and could assign it to
    /// themselves.
    Potential,
}

/// Everything that one user holds, by which paths, and what that allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccess {
    /// The tenant.
    pub tenant: TenantName,
    /// The user.
    pub user: UserId,
    /// Of the roles, only those with this id or name; `None` for all.
    pub role: Option<String>,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// Where the previous page ended.
    pub after: Option<UserAccessPosition>,
    /// How many rows are wanted of all lists together, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// The differences between two times in who holds which right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessDiff {
    /// The tenant.
    pub tenant: TenantName,
    /// The earlier time.
    pub from: Timestamp,
    /// The later time; `None` for now.
    pub to: Option<Timestamp>,
    /// Only rights of this role: a role in the tenant, by id or name, or a role in spaces, by name;
    /// `None` for all.
    pub role: Option<String>,
    /// Only rights in the spaces with this id or name; `None` for all rights.
    pub space: Option<String>,
    /// The last user of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`] and the rest of the last user's rows.
    pub limit: usize,
}

/// Changes of the rights of users, in the order in which they were found. A list that belongs to an
/// entry is given user by user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChanges {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The filter.
    pub choice: AccessChangeChoice,
    /// Where the previous page ended.
    pub after: Option<AccessChangePosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The filter.
    pub which: RunChoice,
    /// Only runs that began before this one; `None` to begin with the newest.
    pub before: Option<RunId>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// What a dry run would change. Its result is kept for a minute after its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The task that did the dry run.
    pub task: TaskId,
    /// The filter.
    pub choice: ChangeChoice,
    /// How many changes were looked at for the previous pages; `None` to begin with the first.
    pub after: Option<usize>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
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
    /// The run.
    pub id: RunId,
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The filter.
    pub choice: EventChoice,
    /// Where it begins, and its direction.
    pub page: EventPage,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The entry.
    pub event: EventName,
}

/// Held plans, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plans {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The filter.
    pub which: PlanChoice,
    /// Only plans that were held before this one; `None` to begin with the newest.
    pub before: Option<PlanId>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
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
    /// The plan.
    pub id: PlanId,
}

/// A summary of a held plan's removals, with a page of the records that exist again under another
/// id; answered by `None` if there is no such plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// The plan.
    pub id: PlanId,
    /// Which of these records are wanted. It does not change what else the summary says.
    pub choice: RemovalChoice,
    /// Where the previous page ended.
    pub after: Option<RecordRef>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// What a held plan would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removals {
    /// The plan.
    pub id: PlanId,
    /// The filter.
    pub choice: RemovalChoice,
    /// The last removal that was looked at for the previous page.
    pub after: Option<RecordRef>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// What was lost with a damaged store, the earliest first. There is one loss for each time that a
/// store was damaged, and the store keeps the last fifty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLosses {
    /// The filter.
    pub which: LossChoice,
    /// The entry that reports the last loss of the previous page.
    pub after: Option<Seq>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Which losses are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossChoice {
    /// All.
    All,
    /// Those that no operator has acknowledged.
    Open,
}

/// Endpoints, by name, including those that only the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Which one; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// The last endpoint of the previous page.
    pub after: Option<EndpointName>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Attempts at deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// The event; `None` for any.
    pub event: Option<EventName>,
    /// Which results to include.
    pub ended: Ended,
    /// Where the previous page ended.
    pub before: Option<AttemptPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Parked deliveries by endpoint, the earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// Where the previous page ended.
    pub after: Option<ParkedPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// Deliveries that wait for another attempt by endpoint, those that are due first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The endpoint; `None` for all.
    pub endpoint: Option<EndpointName>,
    /// Where the previous page ended.
    pub after: Option<WaitingPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`].
    pub limit: usize,
}
