//! How fast an endpoint gets its events, and how long it may fail.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Deliveries at once, unless the configuration says otherwise.
pub const DEFAULT_IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// The most deliveries at once.
pub const MAX_IN_FLIGHT: usize = 256;

/// How long an endpoint may fail without a success, unless the configuration says otherwise.
pub const DEFAULT_DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// The configuration of the flow of events to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The most deliveries at once.
    pub max_in_flight: NonZeroUsize,
    /// The most messages a second; `None` for as many as the receiver takes.
    pub max_per_second: Option<NonZeroU32>,
    /// How long it may fail without a success before it is disabled; zero for never.
    pub disable_after: Duration,
    /// Whether a new endpoint first gets all known records.
    pub backfill: Backfilling,
    /// What it gets of a list of users beside an entry.
    pub lists: Lists,
}

/// Whether a new endpoint first gets all known records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backfilling {
    /// It gets only what is found from now on.
    #[default]
    None,
    /// It gets every known record first.
    First,
}

/// What an endpoint gets of a list of users beside an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lists {
    /// One event with the number of users.
    #[default]
    Whole,
    /// An event for each user.
    Expanded,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            max_in_flight: DEFAULT_IN_FLIGHT,
            max_per_second: None,
            disable_after: DEFAULT_DISABLE_AFTER,
            backfill: Backfilling::None,
            lists: Lists::Whole,
        }
    }
}
