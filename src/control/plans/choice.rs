//! Filters the removals of a plan.

use serde::{Deserialize, Serialize};

use crate::control::choice::contains;
use crate::model::{Kind, Removal};

use super::reply::Moved;

/// Filters for the removals of a plan. A removal must match all of them; the default matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalChoice {
    /// Records of this kind.
    pub kind: Option<Kind>,
    /// Records whose name contains this. Letter case is ignored.
    pub name: Option<String>,
}

impl RemovalChoice {
    /// Returns whether every removal matches.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn takes(&self, removal: &Removal) -> bool {
        self.takes_record(removal.record.kind, &removal.label)
    }

    /// Returns whether a role or a group that exists again under another id matches.
    pub fn takes_moved(&self, moved: &Moved) -> bool {
        self.takes_record(moved.kind, &moved.name)
    }

    fn takes_record(&self, kind: Kind, called: &str) -> bool {
        let Self {
            kind: wanted,
            name: part,
        } = self;
        wanted.is_none_or(|wanted| wanted == kind)
            && part.as_ref().is_none_or(|part| contains(called, part))
    }
}
