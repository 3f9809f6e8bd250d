//! What the audit log reported about a change only after we had found the change.

use serde::{Deserialize, Serialize};

use crate::model::{Timestamp, UserId};
use crate::store::layout::stored;

stored!(9: LateReport);

/// The events that appeared after the entry was written, and may have caused its change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LateReport {
    pub first: Timestamp,
    pub last: Timestamp,
    pub by: Option<Vec<UserId>>,
}
