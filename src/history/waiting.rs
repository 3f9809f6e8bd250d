//! Waits for entries that are about to reach the disk: what they are about is visible a moment
//! earlier.

use std::time::{Duration, Instant};

use crate::store::Known;

use super::error::HistoryError;

/// How long a reader waits for the entry of something that was just written, and how long it pauses
/// in between.
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// Whether a reader has the entries of what it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    /// It has them.
    Included,
    /// Some are missing.
    Missing,
}

/// Reads on until nothing is missing. Fails if that takes too long.
pub(super) fn until_included(
    known: &Known,
    mut read_on: impl FnMut() -> Result<Entries, HistoryError>,
) -> Result<(), HistoryError> {
    let begun = Instant::now();
    while read_on()? == Entries::Missing {
        if begun.elapsed() > MAX_WAIT {
            let tenant = known.name.clone();
            return Err(HistoryError::Unsteady { tenant });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
