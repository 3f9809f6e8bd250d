//! How far the spaces of a tenant were read.

use serde::{Deserialize, Serialize};

use crate::model::{Seq, Timestamp};
use crate::store::layout::stored;

stored!(8: SpaceReading);

/// How far the spaces of a tenant were read.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceReading {
    pub number: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub began: Option<Timestamp>,
    pub tried: Option<Timestamp>,
    pub refused: bool,
    pub since: Option<Seq>,
    pub unread: u64,
}
