//! Counts spaces that could not be read, to tell failures of single spaces from those of all.

use crate::model::SpaceId;

/// How many spaces in a row may fail before spaces that were readable are asked for again.
const IN_A_ROW: u32 = 3;

/// The failures of a run.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// How many spaces have failed since the last one that was read.
    in_a_row: u32,
    /// Spaces that should be readable: one that this run has read, or a few that an earlier run
    /// has.
    readable: Vec<SpaceId>,
}

impl Failures {
    /// Begins a run. All of `known` was visible when it was last read.
    pub(super) fn of(known: &[&SpaceId]) -> Self {
        let places = [known.len().checked_sub(1), Some(known.len() / 2), Some(0)];
        let places = places.into_iter().flatten();
        let readable = places.filter_map(|place| known.get(place));
        Self {
            in_a_row: 0,
            readable: readable.map(|id| (*id).clone()).collect(),
        }
    }

    /// Notes that a space was read.
    pub(super) fn note_read(&mut self, id: &SpaceId) {
        self.in_a_row = 0;
        self.readable = vec![id.clone()];
    }

    /// Notes that a space could not be read. Returns the spaces to ask for if too many in a row
    /// have failed: if none of these answers, the source fails as a whole.
    pub(super) fn note_failed(&mut self) -> Option<Vec<SpaceId>> {
        self.in_a_row += 1;
        (self.in_a_row >= IN_A_ROW).then(|| self.readable.clone())
    }

    /// Notes that the source answers.
    pub(super) fn note_answered(&mut self) {
        self.in_a_row = 0;
    }
}
