//! The time since which the sessions of a user who was found late are known.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;

stored!(8: SessionsSince);

/// The time before which the sessions of a user are not known, although those of others are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SessionsSince(pub Timestamp);
