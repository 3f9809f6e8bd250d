//! Which events must follow from what happens in the tenant.

use std::fmt::{self, Display};

use crate::demo::{Delivery, Happening};

/// An event that must come.
pub(super) struct Wanted {
    event_type: &'static str,
    /// The record that it is about. `None` if it is about no record.
    id: Option<String>,
}

impl Wanted {
    /// Returns an event about a record.
    pub(super) fn new(event_type: &'static str, id: impl Display) -> Self {
        Self {
            event_type,
            id: Some(id.to_string()),
        }
    }

    /// Returns the event of removals that are held.
    pub(super) fn held() -> Self {
        Self {
            event_type: "sync.held",
            id: None,
        }
    }

    /// Returns whether a delivery carries this event.
    pub(super) fn is(&self, delivery: &Delivery) -> bool {
        let id = delivery.body.pointer("/data/record/remote_id");
        delivery.event_type.as_deref() == Some(self.event_type)
            && id.and_then(|id| id.as_str()) == self.id.as_deref()
    }
}

impl Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{} of {id}", self.event_type),
            None => f.write_str(self.event_type),
        }
    }
}

/// Returns the events that must follow from a happening.
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
