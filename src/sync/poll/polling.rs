//! Whether a tenant's audit log is polled, how often, and how far each poll reads back.

use std::time::Duration;

use crate::sync::tenants::schedule::parse_duration;

/// The default time between two polls.
pub const POLL: Duration = Duration::from_secs(60);
/// The default overlap. Sources do not promise how late an event appears, nor in which order. Five
/// minutes are far more than we have ever seen, and cost nothing where little happens.
pub const OVERLAP: Duration = Duration::from_secs(5 * 60);

const POLLS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3600)];
const OVERLAPS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(24 * 3600)];

/// Whether a tenant's audit log is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollSetting {
    /// Not at all: changes are found by sweeps.
    Off,
    /// It is polled.
    Polling(Polling),
}

/// How a tenant's audit log is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The time between two polls.
    pub every: Duration,
    /// How far before the end of the last poll the next one begins to read.
    pub overlap: Duration,
}

impl Polling {
    /// Reads the time between two polls, such as `1m`.
    pub fn parse_every(text: &str) -> Option<Duration> {
        within(text, POLLS)
    }

    /// Reads an overlap, such as `5m`.
    pub fn parse_overlap(text: &str) -> Option<Duration> {
        within(text, OVERLAPS)
    }
}

fn within(text: &str, [least, most]: [Duration; 2]) -> Option<Duration> {
    parse_duration(text.trim()).filter(|time| (least..=most).contains(time))
}
