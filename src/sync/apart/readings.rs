//! Whether a part of a tenant, such as its spaces, is read, and how often.

use std::time::Duration;

use crate::signal::Wake;
use crate::sync::tenants::schedule::parse_duration;

/// The default time between two complete readings.
pub const APART: Duration = Duration::from_secs(24 * 3600);

const INTERVALS: [Duration; 2] = [
    Duration::from_secs(10 * 60),
    Duration::from_secs(31 * 24 * 3600),
];

/// Whether a part of a tenant, such as its spaces, is read, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readings {
    /// It is not read.
    Off,
    /// All of it is read at this interval.
    Every(Duration),
}

impl Readings {
    /// Reads the time between two readings, such as `1d`.
    pub fn parse_interval(text: &str) -> Option<Duration> {
        let [least, most] = INTERVALS;
        parse_duration(text.trim()).filter(|time| (least..=most).contains(time))
    }
}

/// The schedule of a reading, and what wakes it.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Apart {
    pub(in crate::sync) readings: Readings,
    pub(in crate::sync) wake: Wake,
}

impl Apart {
    pub(in crate::sync) fn of(readings: Readings) -> Self {
        Self {
            readings,
            wake: Wake::default(),
        }
    }

    /// Returns whether it is read at all.
    pub(in crate::sync) fn is_read(&self) -> bool {
        match self.readings {
            Readings::Off => false,
            Readings::Every(_) => true,
        }
    }
}
