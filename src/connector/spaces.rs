//! What a source shows of its spaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assignee, Id, SpaceAssignment, SpaceHead, SpaceId, SpaceList, SpaceShare};

/// The listing of all spaces that the source shows, read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceListing {
    /// Spaces that could be read.
    pub spaces: BTreeMap<SpaceId, SpaceHead>,
    /// Spaces that exist, but could not be read.
    pub unreadable: BTreeSet<SpaceId>,
    /// How many more spaces there are whose ids could not be read.
    pub n_unnamed: u64,
    /// How many spaces there are, according to the source. It is a hint.
    pub total: Option<u64>,
}

/// What a source answers if it is asked for one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceSeen {
    /// The space.
    Shown(SpaceHead),
    /// The answer cannot be read as a record of it.
    Unreadable,
    /// We are not allowed to see it.
    Hidden,
    /// No such space exists, as far as we can see.
    Absent,
}

/// Who is assigned to a space, as far as that could be seen.
pub type Assignments = SpaceList<Assignee, SpaceAssignment>;

/// What is shared from a space, as far as that could be seen.
pub type Shares = SpaceList<Id, SpaceShare>;
