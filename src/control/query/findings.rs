//! Questions about what somebody should look at.

use serde::{Deserialize, Serialize};

use crate::access::{ConcernCode, Severity};
use crate::control::FindingPosition;
use crate::model::TenantName;

/// Accounts that somebody should look at, the most severe of each tenant first. A page is of one
/// tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// The kinds of findings; empty for all.
    pub codes: Vec<ConcernCode>,
    /// The lowest severity to include.
    pub min: Severity,
    /// Whether to list open or accepted findings.
    pub standing: FindingStanding,
    /// Where the previous page ended.
    pub after: Option<FindingPosition>,
    /// How many rows are wanted, at most [`MAX_FINDINGS`](crate::control::MAX_FINDINGS).
    pub limit: usize,
}

/// Which findings are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingStanding {
    /// Those that nobody has accepted, or that have grown since.
    Open,
    /// Those that were accepted in their present state.
    Accepted,
}
