//! Whether the spaces of a tenant are read, and how often.

use std::time::Duration;

use crate::signal::Wake;
use crate::sync::tenants::schedule::parse_duration;

/// The default time between two readings of all spaces.
pub const SPACES: Duration = Duration::from_secs(24 * 3600);

const INTERVALS: [Duration; 2] = [
    Duration::from_secs(10 * 60),
    Duration::from_secs(31 * 24 * 3600),
];

/// Whether the spaces of a tenant are read, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceReadings {
    /// They are not read.
    Off,
    /// All are read at this interval, and single ones when the audit log names them.
    Every(Duration),
}

impl SpaceReadings {
    /// Reads the time between two readings, such as `1d`.
    pub fn parse_interval(text: &str) -> Option<Duration> {
        let [least, most] = INTERVALS;
        parse_duration(text.trim()).filter(|time| (least..=most).contains(time))
    }
}

/// How the spaces of a tenant are read, and what says that there is something to do.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Spaces {
    pub(in crate::sync) readings: SpaceReadings,
    pub(in crate::sync) wake: Wake,
}

impl Spaces {
    pub(in crate::sync) fn of(readings: SpaceReadings) -> Self {
        Self {
            readings,
            wake: Wake::default(),
        }
    }

    /// Returns whether spaces are read at all.
    pub(in crate::sync) fn are_read(&self) -> bool {
        match self.readings {
            SpaceReadings::Off => false,
            SpaceReadings::Every(_) => true,
        }
    }
}
