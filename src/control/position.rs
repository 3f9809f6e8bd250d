//! Where pages of lists end.

use serde::{Deserialize, Serialize};

use crate::access::{ConcernCode, ConcernSubject, Unseen};
use crate::model::{
    Assignee, EndpointName, ExportName, GroupId, Id, RoleId, Seq, SpaceId, TenantName, Timestamp,
};
use crate::store::Item;

/// Where a page of the overall state ends: its lists follow each other in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPosition {
    /// With the loss that this entry reports.
    Loss(Seq),
    /// With a tenant of the store.
    Tenant(TenantName),
    /// With a tenant that was never read.
    Unread(TenantName),
    /// With an endpoint.
    Endpoint(EndpointName),
    /// With a rule of separation of duties.
    Separation(String),
    /// With an export.
    Export(ExportName),
}

/// Where a page of findings ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingPosition {
    /// With a tenant that was never read: these come before all findings.
    Unread(TenantName),
    /// With a finding of a tenant.
    Within(TenantName, FindingPlace),
    /// With the last finding of a tenant.
    AfterTenant(TenantName),
}

/// Where a finding stands among those of its tenant: the most severe come first.
pub type FindingPlace = (ConcernCode, Option<String>, ConcernSubject);

/// Where a page of what groups grant to a user ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InheritedPosition {
    /// With a role.
    Role(RoleId),
    /// With a group whose roles are not visible.
    Hidden(GroupId),
}

/// Where a page of what a user holds ends: its lists follow each other in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAccessPosition {
    /// With a role.
    Role(RoleId),
    /// With a permission or scope.
    Permission(String),
    /// At something that cannot be seen.
    Unseen(Unseen),
    /// At a space.
    Space(SpaceId),
}

/// Where a page of who can open a space ends: its lists follow each other in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacePosition {
    /// At one of several spaces that match; no space is described then.
    Found(SpaceId),
    /// At something that is assigned and is not a user of the tenant.
    Assigned(Assignee),
    /// At a share.
    Shared(Id),
    /// At a user.
    User(Id),
}

/// Where a page of records ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPosition {
    /// The tenant of its last record.
    pub tenant: TenantName,
    /// The id of its last record.
    pub id: Id,
}

/// Where a page of attempts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPosition {
    /// The time of its last attempt.
    pub(super) at: Timestamp,
    /// How many attempts with that time were on this page and the ones before it.
    pub(super) n_shown: usize,
}

/// Where a page of parked deliveries ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedPosition {
    pub(super) endpoint: EndpointName,
    pub(super) item: Item,
}

/// Where a page of pending deliveries ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitingPosition {
    pub(super) endpoint: EndpointName,
    // Deliveries that are due come first, those that wait behind another of their record last.
    pub(super) is_behind: bool,
    pub(super) due: Option<Timestamp>,
    pub(super) item: Item,
}
