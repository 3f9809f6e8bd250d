//! How fast an endpoint gets its events, and how long it may fail.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Deliveries at once, unless the configuration says otherwise.
pub const DEFAULT_IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// Deliveries at once at the most.
pub const MAX_IN_FLIGHT: usize = 256;

/// How long an endpoint may do nothing but fail, unless the configuration says otherwise.
pub const DEFAULT_DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// What the configuration says of the flow of events to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Deliveries at once at the most.
    pub max_in_flight: NonZeroUsize,
    /// Messages a second at the most; `None` for as many as the receiver takes.
    pub max_per_second: Option<NonZeroU32>,
    /// After how long a time of nothing but failures it is disabled; zero: never.
    pub disable_after: Duration,
    /// Whether an endpoint that is new is first told what is known.
    pub backfill: Backfilling,
}

/// Whether an endpoint that is new is first told what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backfilling {
    /// It hears of what is found from now on.
    #[default]
    None,
    /// It hears of every record first.
    First,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            max_in_flight: DEFAULT_IN_FLIGHT,
            max_per_second: None,
            disable_after: DEFAULT_DISABLE_AFTER,
            backfill: Backfilling::None,
        }
    }
}
