//! What a source shows of its spaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assignee, Id, SpaceAssignment, SpaceHead, SpaceId, SpaceList, SpaceShare};

/// The listing of all spaces that the source shows, read to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceListing {
    /// Those that could be read.
    pub spaces: BTreeMap<SpaceId, SpaceHead>,
    /// Those that are there and could not be read.
    pub unreadable: BTreeSet<SpaceId>,
    /// How many more could not be read, not even their ids.
    pub n_unnamed: u64,
    /// How many spaces there are, according to the source. It is a hint.
    pub total: Option<u64>,
}

/// What a source answers if it is asked for one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceSeen {
    /// The space.
    Shown(SpaceHead),
    /// It is there, but cannot be read.
    Unreadable,
    /// We may not see it, or what there is of it.
    Hidden,
    /// There is no such space that we could see.
    Absent,
}

/// Who is assigned to a space, as far as that could be seen.
pub type Assignments = SpaceList<Assignee, SpaceAssignment>;

/// What is shared from a space, as far as that could be seen.
pub type Shares = SpaceList<Id, SpaceShare>;
