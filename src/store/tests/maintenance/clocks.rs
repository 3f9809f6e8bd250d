//! The time by which ages are measured, for callers that do not read the clocks.

use std::time::Duration;

use crate::store::tests::support::open;

use super::day;

#[test]
fn whoever_asks_by_what_time_things_are_old_is_told_no_time_that_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.look_at_clocks(day(0), Duration::ZERO).unwrap();
    let cases = [(-3, -3), (0, 0), (400, 0)];

    for (wall, expected) in cases {
        assert_eq!(store.ages_by(day(wall)).unwrap(), day(expected), "{wall}");
    }

    // The same is true before the next process has read the clocks.
    store.close().unwrap();
    let store = open(folder.path());
    for (wall, expected) in cases {
        assert_eq!(store.ages_by(day(wall)).unwrap(), day(expected), "{wall}");
    }
}
