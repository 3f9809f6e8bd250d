//! Validates whether spaces are read, and how often.

use std::time::Duration;

use super::problem::Problems;
use super::{Fault, raw};
use crate::sync::{SPACES, SpaceReadings};

/// The defaults for tenants without a setting of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpacesDraft {
    are_read: bool,
    every: Duration,
}

impl SpacesDraft {
    /// Validates the settings in `[access]`.
    pub(super) fn new(access: &raw::Access, problems: &mut Problems) -> Self {
        let every = access.interval.as_deref().map_or(SPACES, |text| {
            SpaceReadings::parse_interval(text).unwrap_or_else(|| {
                let text = text.to_owned();
                problems.add("access.interval", Fault::BadDuration { text });
                SPACES
            })
        });
        Self {
            are_read: access.spaces.unwrap_or(false),
            every,
        }
    }

    /// Returns how the spaces of a tenant are read. `tenant` is `None` for a tenant without
    /// settings of its own.
    pub(super) fn of(self, tenant: Option<&raw::Tenant>) -> SpaceReadings {
        let own = tenant.and_then(|tenant| tenant.spaces);
        match own.unwrap_or(self.are_read) {
            true => SpaceReadings::Every(self.every),
            false => SpaceReadings::Off,
        }
    }
}
