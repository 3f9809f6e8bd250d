//! Logs that lists of spaces have become too long to keep.

use tracing::warn;

use crate::model::{MAX_IN_SPACE, Run, SpaceId, SpacePart};

/// The lists that a run was the first to find too long. What is stored of a space says whether its
/// list was too long before, so each is logged once, also after a restart.
#[derive(Debug, Default)]
pub(super) struct LongLists {
    first: Option<(SpaceId, SpacePart)>,
    count: u64,
}

impl LongLists {
    pub(super) fn note(&mut self, space: &SpaceId, part: SpacePart) {
        self.count += 1;
        self.first.get_or_insert_with(|| (space.clone(), part));
    }

    /// Logs them in one message, however many there are.
    pub(super) fn log(&self, run: &Run) {
        let Some((space, part)) = &self.first else {
            return;
        };
        let name = &run.tenant_name;
        let list = match part {
            SpacePart::Assignments => "assignments",
            SpacePart::Shares | SpacePart::Itself => "shares",
        };
        let others = match self.count {
            1 => String::new(),
            2 => ", and so does another list of a space".to_owned(),
            n => format!(", and so do {} other lists of spaces", n - 1),
        };
        warn!(
            tenant.name = %name, run.id = %run.id,
            "The list of {list} of the space {space} of `{name}` has more than {MAX_IN_SPACE} \
             members{others}. Only so many are kept, nobody in such a list counts as removed, and \
             answers name it. Assign a group instead"
        );
    }
}
