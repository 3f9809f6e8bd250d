//! The question about users who have begun no session for some time.

use serde::{Deserialize, Serialize};

use crate::model::{Id, TenantName, Timestamp};

/// Users who have begun no session for some time, or for whom this is not known. Users who cannot
/// log in and bots are not among them, unless the question is about users with a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleAccess {
    /// The tenant.
    pub tenant: TenantName,
    /// As it was then; `None` means now.
    pub at: Option<Timestamp>,
    /// Which users are asked about.
    pub who: StaleWho,
    /// For how many days.
    pub days: u32,
    /// The last user of the previous page.
    pub after: Option<Id>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}

/// Whose sessions are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleWho {
    /// Users who hold an administrator role.
    Privileged,
    /// All users.
    All,
    /// Users to whom a licence is assigned, including those who cannot log in. Users who were seen
    /// in another tenant of the same licence are left out.
    Licensed,
}
