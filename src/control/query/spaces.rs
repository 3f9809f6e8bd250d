//! The questions about spaces in lists.

use serde::{Deserialize, Serialize};

use crate::control::SpaceChoice;
use crate::model::{Id, TenantName, Timestamp, UserId};

/// The spaces of a tenant, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spaces {
    /// The tenant.
    pub tenant: TenantName,
    /// The filter.
    pub choice: SpaceChoice,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The last space of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}

/// What a user owns, as far as that is known: spaces, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The tenant.
    pub tenant: TenantName,
    /// The user.
    pub user: UserId,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The last space of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}
