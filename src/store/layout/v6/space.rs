//! Spaces: what is known of each, how far they were read, and which are to be read again.

use serde::{Deserialize, Serialize};

use crate::model::{Id, SpaceId, Timestamp, UserId};
use crate::store::layout::stored;

stored!(6: SpaceRow, SpaceReading, SpaceTodo);

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
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceHead {
    pub name: String,
    pub sort: Option<String>,
    pub owner: Option<UserId>,
    pub created_at: Option<Timestamp>,
    pub unseen: Vec<SpacePart>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum SpacePart {
    Itself,
    Assignments,
    Shares,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Assignee {
    pub sort: String,
    pub id: Id,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceAssignment {
    pub roles: Vec<String>,
    pub created_at: Option<Timestamp>,
    pub created_by: Option<Id>,
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceShare {
    pub sort: String,
    pub with: Option<Id>,
    pub roles: Vec<String>,
    pub resource: Option<String>,
    pub resource_sort: Option<String>,
    pub is_disabled: bool,
    pub created_at: Option<Timestamp>,
    pub created_by: Option<Id>,
}

/// A change to one space, in an entry.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpaceChange {
    pub id: SpaceId,
    pub before: Option<SpaceHead>,
    pub after: Option<SpaceHead>,
    pub assignments: ListChange<Assignee, SpaceAssignment>,
    pub shares: ListChange<Id, SpaceShare>,
}

/// A member before and after.
pub type Sides<V> = (Option<V>, Option<V>);

#[derive(Debug, Serialize, Deserialize)]
pub struct ListChange<K, V> {
    pub was_known: bool,
    pub is_known: bool,
    pub members: Vec<(K, Sides<V>)>,
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
}

/// A space that is to be read again, since the audit log names it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SpaceTodo {
    pub notes: u64,
    pub is_gone: bool,
}
