//! Reports, run by run, how the rights in a tenant have changed since its mark.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::history::HistoryError;
use crate::model::Seq;
use crate::store::{Behind, Known, RightsMark, SpaceReading, Store};

use super::changes;
use super::range::{self, Ahead, Compared, Range, SpacesFrom};

/// How far a mark may be behind the end of the journal if there was nothing to report: moving it is
/// a write.
const MAX_BEHIND: u64 = 5_000;

/// The last entry that this process has looked at, so that it does not read entries again for each
/// run.
#[derive(Debug, Default)]
pub(in crate::sync) struct Looked(AtomicU64);

/// Whether rights in spaces are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum InSpaces {
    /// No, since spaces are not read.
    Ignored,
    /// Yes, once all spaces were read.
    Compared,
}

/// Reports the changes in a tenant's rights. Returns whether anything changed.
///
/// Nobody else may be writing to the tenant, not even its spaces.
pub(in crate::sync) fn report(
    store: &Store,
    known: &Known,
    looked: &Looked,
    in_spaces: InSpaces,
) -> Result<bool, HistoryError> {
    // Nothing is reported of a tenant whose first load has not ended.
    let Some(loaded) = known.loaded else {
        return Ok(false);
    };
    // A run that was interrupted while it wrote its changes is compared once the next run has
    // written the rest: until then, a role may have left one group and not yet be given by another.
    if store.plan(known.no)?.is_some() {
        return Ok(false);
    }
    let mark = store.rights_mark(known.no)?;
    let mut reporter = Reporter {
        store,
        known,
        loaded,
        reading: store.space_reading(known.no)?,
        mark: mark.unwrap_or(RightsMark::reported(loaded)),
        has_reported: false,
    };
    if reporter.is_catching_up() {
        reporter.catch_up()?;
    }
    let up_to = reporter.run_by_run(looked, in_spaces)?;
    if in_spaces == InSpaces::Compared && reporter.may_catch_up() {
        reporter.mark.reported = up_to;
        reporter.catch_up()?;
    }
    Ok(reporter.has_reported)
}

/// Reports the changes of a tenant.
struct Reporter<'a> {
    store: &'a Store,
    known: &'a Known,
    /// The entry at the end of the first load. After a repair, a tenant is loaded again, and
    /// nothing before the end of that load is compared.
    loaded: Seq,
    reading: SpaceReading,
    mark: RightsMark,
    has_reported: bool,
}

impl Reporter<'_> {
    /// Reports the changes of each run. Returns the last entry that was looked at.
    fn run_by_run(&mut self, looked: &Looked, in_spaces: InSpaces) -> Result<Seq, HistoryError> {
        let (store, known) = (self.store, self.known);
        loop {
            // An interrupted report continues as it began, even if spaces are no longer read.
            if in_spaces == InSpaces::Ignored && self.mark.under_way.is_none() {
                self.leave_spaces()?;
            }
            let spaces = match (self.mark.in_spaces, self.reading.since) {
                (None, Some(since)) => SpacesFrom::After(since),
                (Some(_), _) | (None, None) => SpacesFrom::Never,
            };
            let mark = self.mark;
            let seen = Seq(looked.0.load(Ordering::Relaxed));
            let after = mark.reported.max(self.loaded).max(seen);
            let after = after.min(store.last_seq());
            let begun = mark.under_way.map(|(end, _)| end);
            let begun = begun.filter(|begun| *begun > after);
            match (range::next(store, known, after, begun, spaces)?, begun) {
                // The changes that we began to report are no longer there.
                (Ahead::Nothing(_), Some(begun)) => self.set(reported(mark, begun))?,
                (Ahead::Nothing(up_to), None) => {
                    if up_to.0.saturating_sub(mark.reported.0) > MAX_BEHIND {
                        self.set(reported(mark, up_to))?;
                    }
                    looked.0.store(up_to.0, Ordering::Relaxed);
                    return Ok(up_to);
                }
                (Ahead::Changes(range), _) => {
                    self.compare(&range, reported(mark, range.end))?;
                }
            }
        }
    }

    /// Notes how far rights in spaces were compared, because spaces are no longer read.
    fn leave_spaces(&mut self) -> Result<(), HistoryError> {
        let mark = self.mark;
        let (Some(since), None) = (self.reading.since, mark.in_spaces) else {
            return Ok(());
        };
        let behind = Behind {
            reported: mark.reported.max(since),
            reading: self.reading.mark.number,
        };
        self.set(RightsMark {
            in_spaces: Some(behind),
            ..mark
        })
    }

    /// Returns whether all spaces were read again, so that the changes from the time when they were
    /// not read can now be compared.
    fn may_catch_up(&self) -> bool {
        let reading = self.reading.mark;
        let is_later = |behind: Behind| reading.number > behind.reading && reading.began.is_none();
        self.mark.in_spaces.is_some_and(is_later)
    }

    /// Returns whether [`Self::catch_up`] was interrupted in the middle of a report.
    fn is_catching_up(&self) -> bool {
        let RightsMark {
            reported,
            under_way,
            in_spaces,
        } = self.mark;
        in_spaces.is_some() && under_way.is_some_and(|(end, _)| end <= reported)
    }

    /// Reports how rights in spaces changed while they were not compared, up to the last entry for
    /// which roles were compared.
    fn catch_up(&mut self) -> Result<(), HistoryError> {
        let (store, known) = (self.store, self.known);
        while let Some(behind) = self.mark.in_spaces {
            let mark = self.mark;
            let begun = mark.under_way.map(|(end, _)| end);
            let after = behind.reported.max(self.loaded);
            let up_to = begun.unwrap_or(mark.reported);
            let at = |reported: Seq| RightsMark {
                under_way: None,
                in_spaces: Some(Behind { reported, ..behind }),
                ..mark
            };
            match (range::of_spaces(store, known, after, up_to)?, begun) {
                (Ahead::Changes(range), _) => self.compare(&range, at(range.end))?,
                // The changes that we began to report are no longer there.
                (Ahead::Nothing(_), Some(begun)) => self.set(at(begun))?,
                (Ahead::Nothing(_), None) => self.set(RightsMark::reported(mark.reported))?,
            }
        }
        Ok(())
    }

    /// Reports the changes of a range, or skips them if they cannot be compared. Either way, the
    /// mark is `afterwards` when it succeeds.
    fn compare(&mut self, range: &Range, afterwards: RightsMark) -> Result<(), HistoryError> {
        match changes::report(self.store, self.known, range, self.mark) {
            Ok(reported) => {
                self.has_reported |= reported;
                self.mark = afterwards;
                Ok(())
            }
            // Every further attempt would fail in the same way.
            Err(error @ HistoryError::WasCut) => {
                log_skipped(self.known, range, &error);
                self.set(afterwards)
            }
            Err(error) => Err(error),
        }
    }

    fn set(&mut self, mark: RightsMark) -> Result<(), HistoryError> {
        self.store.set_rights_mark(self.known.no, mark)?;
        self.mark = mark;
        Ok(())
    }
}

/// Returns the mark after all changes of roles up to an entry are reported.
fn reported(mark: RightsMark, up_to: Seq) -> RightsMark {
    RightsMark {
        reported: up_to,
        under_way: None,
        in_spaces: mark.in_spaces,
    }
}

/// Logs that some changes are not reported.
fn log_skipped(known: &Known, range: &Range, error: &HistoryError) {
    let advice = match range.compared {
        Compared::Roles => "`qlik-roster access diff` compares two times",
        Compared::RolesAndSpaces | Compared::Spaces => {
            "`qlik-roster access` shows with `--as-of` who held what, and with `--space` who could \
             open a space"
        }
    };
    tracing::warn!(
        tenant.id = %known.tenant.id, tenant.name = %known.name, run.id = %range.run,
        error.code = error.code(), error = %error,
        "What {} changed in who holds what in `{}` cannot be compared and is not reported; {advice}",
        range.run, known.name,
    );
}
