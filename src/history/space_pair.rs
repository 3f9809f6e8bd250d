//! A space of a tenant at two times.

use std::collections::BTreeMap;

use crate::model::{Space, SpaceId, SpaceMention};

/// A space at two times; `None` for a time at which there was no such space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacePair {
    /// The space.
    pub id: SpaceId,
    /// At the earlier time.
    pub then: Option<Space>,
    /// At the later time.
    pub now: Option<Space>,
}

impl SpacePair {
    /// Returns how to mention it: as it is at the later time, or as it was if it is gone.
    pub fn mention(&self) -> SpaceMention {
        let latest = self.now.as_ref().or(self.then.as_ref());
        latest.map_or_else(
            || SpaceMention {
                id: self.id.clone(),
                name: String::new(),
                sort: None,
            },
            Space::mention,
        )
    }

    /// Returns how many assignments and shares it has at the two times together, plus one for the
    /// space itself.
    pub fn weight(&self) -> usize {
        let sides = self.then.iter().chain(&self.now);
        let weights = sides.map(|space| {
            let assignments = space.assignments.as_ref().map_or(0, BTreeMap::len);
            assignments + space.shares.as_ref().map_or(0, BTreeMap::len)
        });
        1 + weights.sum::<usize>()
    }
}
