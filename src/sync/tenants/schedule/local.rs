//! Puts wall-clock times on the time line, where clocks are set forward and back.
//!
//! Rules, after Debian's cron. A time that the clock skips is not lost: it comes as much
//! later as the clock was set forward. A time that the clock strikes twice comes once if the
//! expression names its hours, and both times if it runs in every hour.

use chrono::{DateTime, Days, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::crontab::Crontab;

/// Wall-clock times this much around a point in time may come before or after it, whatever
/// the clock does. The largest step back on record is below it.
const SLACK: TimeDelta = TimeDelta::hours(3);

/// Returns the first fitting point in time after `base`.
pub(super) fn next(crontab: &Crontab, zone: Tz, base: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let start = wall(zone, base).checked_sub_signed(SLACK)?;
    let mut best: Option<DateTime<Utc>> = None;
    for time in crontab.after(start) {
        // Order on the wall is order in time but for a few hours, hence the look further on.
        let beyond = |best| wall(zone, best).checked_add_signed(SLACK) < Some(time);
        if best.is_some_and(beyond) {
            break;
        }
        let [first, second] = points(zone, time);
        let second = second.filter(|_again| !crontab.names_hours);
        let found = [first, second]
            .into_iter()
            .flatten()
            .filter(|time| *time > base)
            .min();
        best = [best, found].into_iter().flatten().min();
    }
    best
}

fn wall(zone: Tz, time: DateTime<Utc>) -> NaiveDateTime {
    time.with_timezone(&zone).naive_local()
}

/// Returns when a time on the wall is, and when it is again.
fn points(zone: Tz, wall: NaiveDateTime) -> [Option<DateTime<Utc>>; 2] {
    let local = zone.from_local_datetime(&wall);
    if let (Some(first), Some(second)) = (local.earliest(), local.latest()) {
        return [Some(first.to_utc()), Some(second.to_utc())];
    }
    // Skipped: read by the offset of the day before.
    let before = wall.checked_sub_days(Days::new(1)).unwrap_or(wall);
    let offset = zone.offset_from_utc_datetime(&before).fix();
    let time = wall.checked_sub_offset(offset);
    [time.map(|time| Utc.from_utc_datetime(&time)), None]
}
