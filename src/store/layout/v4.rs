//! What format 4 added: findings that an operator accepted. Their bytes are on disk: nothing here
//! is ever changed.

use serde::{Deserialize, Serialize};

use super::stored;
use crate::model::Timestamp;

stored!(4: Acceptance);

/// Who accepted a finding, why, and what it consisted of.
#[derive(Debug, Serialize, Deserialize)]
pub struct Acceptance {
    pub at: Timestamp,
    pub by: String,
    pub why: String,
    pub extent: Vec<String>,
}
