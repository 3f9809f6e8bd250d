//! Works out which of a sweep's changes the audit log should have reported earlier.
//!
//! Polls promise that whatever happened since [`Bookmark::since`] and before the last poll, minus
//! the overlap, was in the log, was read, and is known. If a sweep finds anything else, the log had
//! not reported it:
//!
//! - The source itself dates a new record, and one whose time of last change moved. The change was
//!   missed if that date lies within the promise. A change that moves no date proves nothing, and
//!   is not counted.
//! - A deletion has no date. The sweep notes the record; if the log still does not name it once
//!   the promise reaches beyond the note, the next sweep counts it.
//!
//! Pure.

use std::time::Duration;

use crate::model::{Change, Record, RecordRef, Timestamp};
use crate::store::Bookmark;

/// The most deletions that are waited for. If more are missing from the log, that is one large gap,
/// and the sweep found them anyway.
const MAX_UNTOLD: usize = 1000;

/// A calculation under way.
#[derive(Debug)]
pub(super) struct Reckoning {
    since: Timestamp,
    horizon: Timestamp,
    missed: u64,
    untold: Vec<(Timestamp, RecordRef)>,
}

impl Reckoning {
    /// Starts with the deletions that earlier sweeps wait for. `until` is the time of the last
    /// poll.
    pub(in crate::sync) fn of(bookmark: &Bookmark, until: Timestamp, overlap: Duration) -> Self {
        let horizon = before(until, overlap);
        let waiting = |(noted, _): &&(Timestamp, RecordRef)| *noted > horizon;
        let untold: Vec<_> = bookmark.untold.iter().filter(waiting).cloned().collect();
        Self {
            since: bookmark.since,
            horizon,
            missed: (bookmark.untold.len() - untold.len()) as u64,
            untold,
        }
    }

    /// Adds a change that the sweep found and committed at `now`.
    pub(in crate::sync) fn weigh(&mut self, change: &Change, now: Timestamp) {
        let dated = match change {
            Change::Created { after, .. } => created_at(after).or(after.updated_at()),
            Change::Updated { before, after } => {
                let moved = after.updated_at() > before.updated_at();
                after.updated_at().filter(|_| moved)
            }
            Change::Deleted { before } => {
                if self.untold.len() < MAX_UNTOLD {
                    self.untold.push((now, before.to_ref()));
                }
                None
            }
        };
        let promised = |at: &Timestamp| self.since < *at && *at <= self.horizon;
        self.missed += u64::from(dated.as_ref().is_some_and(promised));
    }

    /// Returns how many changes were missed, and which deletions to wait for.
    pub(in crate::sync) fn result(self) -> (u64, Vec<(Timestamp, RecordRef)>) {
        (self.missed, self.untold)
    }
}

/// Returns the time that lies `by` before another.
pub(in crate::sync) fn before(time: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.millis().saturating_sub(millis))
}

fn created_at(record: &Record) -> Option<Timestamp> {
    match record {
        Record::Role(role) => role.created_at,
        Record::Group(group) => group.created_at,
        Record::User(user) => user.created_at,
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Coded, Id, Kind, Role, RoleType};

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn role(created: Option<i64>, updated: Option<i64>) -> Record {
        Record::Role(Role {
            created_at: created.map(at),
            updated_at: updated.map(at),
            ..Role::new(
                Id::parse("60d5ca1b2f8a4c0000000001").unwrap().into(),
                "Auditor".to_owned(),
                Coded::new(RoleType::Admin, "admin"),
            )
        })
    }

    /// Read from minute 100 on, last at 160, five minutes of overlap: 155 is the horizon.
    fn missed(change: &Change) -> u64 {
        let bookmark = Bookmark {
            since: at(100),
            until: at(150),
            untold: Vec::new(),
            sessions_since: None,
        };
        let mut reckoning = Reckoning::of(&bookmark, at(160), Duration::from_secs(300));
        reckoning.weigh(change, at(161));
        reckoning.result().0
    }

    #[test]
    fn what_the_source_dates_within_the_promise_was_missed() {
        for (before, after, expected) in [
            (Some(90), Some(120), 1),
            (None, Some(155), 1),
            (Some(90), Some(156), 0),
            (Some(90), Some(100), 0),
            (Some(120), Some(120), 0),
            (Some(130), Some(120), 0),
            (Some(90), None, 0),
        ] {
            let change = Change::Updated {
                before: role(None, before),
                after: role(None, after),
            };
            assert_eq!(missed(&change), expected, "{before:?} to {after:?}");
        }
        for (created, updated, expected) in [
            (Some(120), Some(170), 1),
            (Some(90), Some(120), 0),
            (Some(157), Some(157), 0),
            (None, Some(120), 1),
            (None, None, 0),
        ] {
            let change = Change::Created {
                after: role(created, updated),
                replaces: None,
            };
            assert_eq!(missed(&change), expected, "{created:?}, {updated:?}");
        }
    }

    #[test]
    fn a_deletion_counts_once_the_log_had_its_time_to_tell() {
        let gone = role(None, None);
        let change = Change::Deleted {
            before: gone.clone(),
        };
        let mut bookmark = Bookmark {
            since: at(100),
            until: at(160),
            untold: Vec::new(),
            sessions_since: None,
        };
        let overlap = Duration::from_secs(300);
        let mut first = Reckoning::of(&bookmark, at(160), overlap);
        first.weigh(&change, at(161));
        let (missed, untold) = first.result();
        assert_eq!((missed, untold.len()), (0, 1));
        assert_eq!(untold[0].1, gone.to_ref());
        assert_eq!(gone.kind(), Kind::Role);

        bookmark.untold = untold;
        let early = Reckoning::of(&bookmark, at(165), overlap).result();
        assert_eq!((early.0, early.1.len()), (0, 1));
        let late = Reckoning::of(&bookmark, at(166), overlap).result();
        assert_eq!((late.0, late.1.len()), (1, 0));
    }
}
