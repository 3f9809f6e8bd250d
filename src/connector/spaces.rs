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
    /// How many spaces there are, according to the source; `None` if it does not count.
    pub total: Option<u64>,
}

impl SpaceListing {
    /// Returns how many spaces it shows, readable or not.
    pub fn n_shown(&self) -> u64 {
        (self.spaces.len() + self.unreadable.len()) as u64 + self.n_unnamed
    }

    /// Returns how many spaces the source counts and does not show.
    pub fn n_missing(&self) -> u64 {
        let total = self.total.unwrap_or_default();
        total.saturating_sub(self.n_shown())
    }
}

/// What a source answers if it is asked for one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceSeen {
    /// The space. Its head has [`SpacePart::Itself`](crate::model::SpacePart) as unseen if the
    /// answer does not say who owns it.
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
