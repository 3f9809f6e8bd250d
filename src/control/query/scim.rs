//! Questions of programs that read over SCIM.

use serde::{Deserialize, Serialize};

use super::AskedTenants;
use crate::control::{ScimCounting, ScimOrder, ScimPosition, SortedPosition};
use crate::model::scim::{AttributePath, ResourceType, ScimFilter, Wanted};

/// What every question over SCIM says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimScope {
    /// The tenants.
    pub tenants: AskedTenants,
    /// The types of resources that are searched.
    pub types: Vec<ResourceType>,
    /// The address under which all resources are.
    pub base: String,
    /// Only resources that match; `None` for all.
    pub filter: Option<ScimFilter>,
    /// Which attributes are wanted.
    pub wanted: Wanted,
}

/// Resources, by type, tenant and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimResources {
    /// Which resources.
    pub scope: ScimScope,
    /// Where the previous page ended.
    pub after: Option<ScimPosition>,
    /// How many of those that match are skipped.
    pub skip: u64,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE) and one more; 0 if
    /// only their number is.
    pub limit: usize,
    /// Whether resources are counted after the page is full.
    pub counting: ScimCounting,
}

/// Resources in the order of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimSorted {
    /// Which resources.
    pub scope: ScimScope,
    /// The attribute.
    pub by: AttributePath,
    /// The direction.
    pub order: ScimOrder,
    /// Where the previous page ended.
    pub after: Option<SortedPosition>,
    /// How many of those that match are skipped.
    pub skip: u64,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE); 0 if only their
    /// number is.
    pub limit: usize,
}

/// How many resources there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimCount {
    /// The tenants.
    pub tenants: AskedTenants,
    /// The types of resources.
    pub types: Vec<ResourceType>,
}

/// One resource, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimResource {
    /// Which resources; the filter is ignored. There is one type.
    pub scope: ScimScope,
    /// The id.
    pub id: String,
}
