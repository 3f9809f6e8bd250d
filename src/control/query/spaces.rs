//! The questions about spaces: who can open one, and lists of them.

use serde::{Deserialize, Serialize};

use super::Which;
use crate::control::{SpaceChoice, SpacePosition};
use crate::model::{Id, TenantName, Timestamp, UserId};

/// Who can open a space, by which paths. Paths that all users have are given once, not in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAccess {
    /// The tenant.
    pub tenant: TenantName,
    /// The space or app that is asked about.
    pub opened: Opened,
    /// Only this user, even if the user has no path to the space; `None` for all users, and for
    /// what else is assigned or shared.
    pub user: Option<UserId>,
    /// Which rows are wanted.
    pub which: Which,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// Where the previous page ended.
    pub after: Option<SpacePosition>,
    /// How many rows are wanted of all lists together, at most
    /// [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}

/// The rights of users in all spaces or in some, each with every path. Rights that all users hold
/// are listed once, on the first page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRights {
    /// The tenant.
    pub tenant: TenantName,
    /// Only rights in the spaces with this id or name; `None` for all.
    pub space: Option<String>,
    /// Only rights of these roles, by name; empty for all.
    pub roles: Vec<String>,
    /// Which rows are wanted. There are no rows for [`Which::Potential`].
    pub which: Which,
    /// The time that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The last user of the previous page; `None` for the first page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE). There are more if
    /// one user alone has more, since all rows of a user are on one page.
    pub limit: usize,
}

/// What a user can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// A space, by its id or name.
    Space(String),
    /// An app, by its id: whoever has access to its space, and those with whom it is shared. If no
    /// share of it is known, only its source knows the space.
    App(String),
}

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
