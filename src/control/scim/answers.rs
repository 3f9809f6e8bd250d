//! What is answered to programs that read over SCIM.

use serde::{Deserialize, Serialize};

use crate::model::scim::{Resource, ResourceType, ScimFilterError};
use crate::model::{Id, SpaceId, TenantName};

/// A part of a list of resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimPage {
    /// The resources.
    pub rows: Vec<ScimRow>,
    /// How many resources match, of those that were read for this page, the skipped ones included.
    pub n_matched: u64,
    /// How many resources were read for this page.
    pub n_read: u64,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<ScimPosition>,
    /// Where the next page of a sorted list begins; `None` if this is the last one.
    pub next_sorted: Option<SortedPosition>,
    /// The first tenants that were asked about and were not read in full yet: nothing is listed of
    /// them.
    pub not_read: Vec<TenantName>,
    /// How many such tenants there are.
    pub n_not_read: u64,
    /// How many tenants were asked about and were read in full.
    pub n_tenants: u64,
    /// Whether the resource that was asked for and not found may be one of the other tenants.
    pub may_be_unread: bool,
}

/// A resource, with all that the request may want of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimRow {
    /// Where it stands.
    pub position: ScimPosition,
    /// The version of the whole resource, whatever was asked for; `None` if it is not wanted.
    pub version: Option<String>,
    /// The resource.
    pub resource: Resource,
}

/// Where a resource stands among all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScimPosition {
    /// Its type.
    pub sort: ResourceType,
    /// Its tenant.
    pub tenant: TenantName,
    /// Where it stands in the tenant.
    pub place: ScimPlace,
}

/// Where a resource stands among those of its type in its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScimPlace {
    /// By its id.
    Record(Id),
    /// By space and role.
    RoleInSpace(SpaceId, String),
    /// By the scope.
    Scope(String),
}

/// Where a resource stands among those that are sorted by an attribute: first by whether it has a
/// value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortedPosition {
    /// The value by which it is sorted; `None` if it has none.
    pub key: Option<String>,
    /// Its place among those with the same value.
    pub position: ScimPosition,
}

/// Whether matching resources are counted after a page is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScimCounting {
    /// They are.
    All,
    /// They are not.
    Nothing,
}

/// The direction in which resources are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScimOrder {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// Why a client is not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScimRefusal {
    /// The filter cannot be applied.
    Filter(ScimFilterError),
    /// More resources match than can be sorted.
    TooManyToSort {
        /// The most that can be.
        most: u64,
    },
    /// No resource has the attribute by which they should be sorted.
    NotSortable,
    /// Too many roles in spaces would have to be compared.
    TooManyInSpaces {
        /// The most that can be.
        most: u64,
    },
    /// The groups have too many members for one answer.
    TooManyMembers {
        /// The most that one answer has.
        most: u64,
    },
}
