//! Validates how long the store keeps history.

use std::time::Duration;

use super::problem::Problems;
use super::{Fault, raw};
use crate::store::Retention;
use crate::sync::parse_duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Duration = DAY.saturating_mul(90);
const LEAST: Duration = Duration::from_secs(3600);
const MOST: Duration = DAY.saturating_mul(3650);

/// About three weeks for a tenant that is read every quarter of an hour.
const KEEP_RUNS: u32 = 2_000;

/// Removals are weighed against what the runs since the last sweep removed, so at least this many
/// runs are kept.
const LEAST_RUNS: u32 = 500;
const MOST_RUNS: u32 = 1_000_000;

/// Validates how long things are kept.
pub(super) fn retention(raw: &raw::Store, problems: &mut Problems) -> Option<Retention> {
    let keep = raw.keep.as_deref().map_or(Some(KEEP), |text| {
        let keep = parse_duration(text).filter(|time| (LEAST..=MOST).contains(time));
        if keep.is_none() {
            let fault = Fault::OutOfRange {
                value: text.to_owned(),
                allowed: "a time from `1h` to `3650d`",
            };
            problems.add("store.keep", fault);
        }
        keep
    });
    let runs = raw.keep_runs.unwrap_or(KEEP_RUNS);
    let fits = (LEAST_RUNS..=MOST_RUNS).contains(&runs);
    if !fits {
        let fault = Fault::OutOfRange {
            value: runs.to_string(),
            allowed: "a number from 500 to 1000000",
        };
        problems.add("store.keep_runs", fault);
    }
    let keep_runs = usize::try_from(runs).ok().filter(|_| fits);
    keep.zip(keep_runs)
        .map(|(keep, keep_runs)| Retention { keep, keep_runs })
}
