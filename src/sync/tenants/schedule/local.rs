//! Puts wall-clock times on the time line, where clocks are set forward and back.
//!
//! Rules, after Debian's cron. A time that the clock skips is not lost: it comes as much
//! later as the clock was set forward. A time that the clock strikes twice comes once if the
//! expression names its hours, and both times if it runs in every hour.

use chrono::{DateTime, Days, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::crontab::Crontab;

/// How far wall-clock times may be out of order, where a clock is set back. The largest step back
/// on record is smaller.
const SLACK: TimeDelta = TimeDelta::hours(3);

/// Returns the first fitting point in time after `base`.
pub(super) fn next(crontab: &Crontab, zone: Tz, base: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let start = wall(zone, base).checked_sub_signed(SLACK)?;
    let mut best: Option<DateTime<Utc>> = None;
    for time in crontab.after(start) {
        // A time that is later on the wall clock may in fact be earlier, by a few hours at most, so
        // the search goes that much further.
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

/// Returns when the wall clock shows a time, and when it shows it again, if it does.
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
