//! Reports, run by run, how the rights in a tenant have changed since its mark.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::history::HistoryError;
use crate::model::Seq;
use crate::store::{Known, RightsMark, Store};

use super::changes;
use super::range::{self, Ahead, Range, SpacesFrom};

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
    let spaces = match in_spaces {
        InSpaces::Ignored => SpacesFrom::Never,
        InSpaces::Compared => {
            let since = store.space_reading(known.no)?.since;
            since.map_or(SpacesFrom::Never, SpacesFrom::After)
        }
    };
    let mark = store.rights_mark(known.no)?;
    let mut mark = mark.unwrap_or(RightsMark::reported(loaded));
    let mut has_reported = false;
    loop {
        // A repaired tenant is loaded again; what happened before that is not compared.
        let seen = Seq(looked.0.load(Ordering::Relaxed));
        let after = mark.reported.max(loaded).max(seen).min(store.last_seq());
        let begun = mark.under_way.map(|(end, _)| end);
        let begun = begun.filter(|begun| *begun > after);
        match (range::next(store, known, after, begun, spaces)?, begun) {
            // The changes that we began to report are no longer there.
            (Ahead::Nothing(_), Some(begun)) => {
                mark = RightsMark::reported(begun);
                store.set_rights_mark(known.no, mark)?;
            }
            (Ahead::Nothing(up_to), None) => {
                if up_to.0.saturating_sub(mark.reported.0) > MAX_BEHIND {
                    store.set_rights_mark(known.no, RightsMark::reported(up_to))?;
                }
                looked.0.store(up_to.0, Ordering::Relaxed);
                return Ok(has_reported);
            }
            (Ahead::Changes(range), _) => {
                let n_reported = n_reported(mark, range.end);
                match changes::report(store, known, &range, n_reported) {
                    Ok(reported) => has_reported |= reported,
                    // Every further attempt would fail in the same way.
                    Err(error @ HistoryError::WasCut) => {
                        skip(store, known, &range, &error)?;
                    }
                    Err(error) => return Err(error),
                }
                mark = RightsMark::reported(range.end);
            }
        }
    }
}

/// Skips the changes of a run that cannot be compared, and logs that.
fn skip(
    store: &Store,
    known: &Known,
    range: &Range,
    error: &HistoryError,
) -> Result<(), HistoryError> {
    tracing::warn!(
        tenant.id = %known.tenant.id, tenant.name = %known.name, run.id = %range.run,
        error.code = error.code(), error = %error,
        "What {} changed in who holds what in `{}` cannot be compared and is not reported; \
         `qlik-roster access diff` compares two times", range.run, known.name,
    );
    store.set_rights_mark(known.no, RightsMark::reported(range.end))?;
    Ok(())
}

/// Returns how many entries about the changes up to an entry are written.
fn n_reported(mark: RightsMark, end: Seq) -> u64 {
    match mark.under_way {
        Some((up_to, n_reported)) if up_to == end => n_reported,
        Some(_) | None => 0,
    }
}
