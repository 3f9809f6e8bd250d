//! Spaces, and how far they were read.

use serde::{Deserialize, Serialize};

use crate::model::{Id, Seq, SpaceId, Timestamp};
use crate::store::layout::stored;
use crate::store::layout::v6::space::{
    Assignee, SpaceAssignment, SpaceHead, SpacePart, SpaceShare,
};

stored!(9: SpaceRow, SpaceReading);

/// A space, the reading in which it was last read, and when it last changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceRow {
    pub space: Space,
    pub reading: u64,
    pub changed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Space {
    pub id: SpaceId,
    pub head: SpaceHead,
    pub assignments: Option<Vec<(Assignee, SpaceAssignment)>>,
    pub shares: Option<Vec<(Id, SpaceShare)>>,
    pub partial: Vec<SpacePart>,
}

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
    pub removed: Vec<SpaceId>,
}
