//! What a run has decided to write, if it exceeds one commit.

use crate::model::{Account, RunId, Timestamp};

/// What the commits of a sealed plan share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanHead {
    /// The run that made it.
    pub run: RunId,
    /// When the plan was made.
    pub at: Timestamp,
    /// The tenant as entries name it.
    pub account: Account,
    /// Rows that were staged.
    pub rows_total: u32,
}

/// A sealed plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What its commits share.
    pub head: PlanHead,
    /// Rows that were committed; the others are still stored.
    pub rows_done: u32,
}
