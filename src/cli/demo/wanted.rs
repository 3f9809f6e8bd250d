//! Which events must come of what happens in the tenant.

use std::fmt::Display;

use crate::demo::{Delivery, Happening};

/// An event that must come of a happening.
pub(super) struct Wanted {
    event_type: &'static str,
    id: String,
}

impl Wanted {
    fn new(event_type: &'static str, id: impl Display) -> Self {
        Self {
            event_type,
            id: id.to_string(),
        }
    }

    /// Returns whether a delivery brings it.
    pub(super) fn is(&self, delivery: &Delivery) -> bool {
        delivery.event_type.as_deref() == Some(self.event_type)
            && delivery
                .body
                .pointer("/data/record/remote_id")
                .and_then(|id| id.as_str())
                == Some(self.id.as_str())
    }
}

/// Returns the events that must come of a happening.
pub(super) fn expected(happening: &Happening) -> Vec<Wanted> {
    match happening {
        Happening::Joined { user, .. } => vec![Wanted::new("user.created", user)],
        Happening::GainedRole { user, .. }
        | Happening::LostRole { user, .. }
        | Happening::Moved { user, .. }
        | Happening::Renamed { user, .. }
        | Happening::Disabled { user, .. }
        | Happening::Enabled { user, .. } => vec![Wanted::new("user.updated", user)],
        Happening::Left { user, .. } => vec![Wanted::new("user.deleted", user)],
        Happening::CameBack { before, after, .. } => {
            vec![
                Wanted::new("user.deleted", before),
                Wanted::new("user.created", after),
            ]
        }
        Happening::Touched { .. } => Vec::new(),
        Happening::GroupRenamed { group, .. } | Happening::GroupGainedRole { group, .. } => {
            vec![Wanted::new("group.updated", group)]
        }
        Happening::GroupFounded { group, .. } => vec![Wanted::new("group.created", group)],
        Happening::RoleDescribed { role, .. } => vec![Wanted::new("role.updated", role)],
    }
}
