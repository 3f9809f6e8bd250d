//! Notes that all spaces of a tenant must be read again.

use serde::{Deserialize, Serialize};

use crate::store::layout::stored;

stored!(9: SpacesDue);

/// How often it was noted that all spaces must be read again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SpacesDue {
    pub notes: u64,
}
