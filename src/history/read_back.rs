//! Reads the entries of a tenant backwards, as far as its first load.

use std::ops::ControlFlow;

use crate::model::{Entry, Fact, Seq};
use crate::store::{Known, Store};

use super::basis::Since;
use super::error::HistoryError;

/// How many entries are read at once.
const AT_ONCE: u64 = 500;

/// How many entries are read at most. Each takes some ten microseconds.
const MAX_READ: u64 = 200_000;

/// Where the reading ended.
pub(super) struct Reached {
    /// Since when a user has had a role, if no entry that was read shows when that began.
    pub(super) since: Since,
    /// Whether the first load was reached, so that no entry is left.
    pub(super) is_first_load: bool,
}

/// Shows the entries of a tenant to `look`, the last one first, until `look` breaks off, or the
/// first load, the beginning of the journal or a limit is reached.
pub(super) fn read_back(
    store: &Store,
    known: &Known,
    up_to: Seq,
    mut look: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<Reached, HistoryError> {
    let first = store.first_seq()?;
    let mut end = up_to.next();
    let floor = end.0.saturating_sub(MAX_READ).max(first.0);
    let mut at = known.adopted_at;
    // What looks like the mark of a first load may come from a repair.
    let mut was_repaired = false;
    'read: while end.0 > floor {
        let low = end.0.saturating_sub(AT_ONCE).max(floor);
        let n_entries = usize::try_from(end.0 - low).unwrap_or(usize::MAX);
        let mut entries = store.entries(Seq(low.saturating_sub(1)), n_entries)?;
        store.add_late_reports(&mut entries)?;
        for entry in entries.into_iter().rev().filter(|entry| entry.seq < end) {
            at = entry.at;
            if let Fact::HistoryLost(_) | Fact::Unreadable = entry.fact {
                was_repaired = true;
            }
            let account = entry.account();
            if account.is_none_or(|it| it.tenant != known.tenant.id) {
                continue;
            }
            if let Fact::Loaded { .. } = entry.fact {
                let since = match was_repaired {
                    true => Since::Before { at },
                    false => Since::BeforeFirstLoad { at },
                };
                return Ok(Reached {
                    since,
                    is_first_load: true,
                });
            }
            if look(entry).is_break() {
                break 'read;
            }
        }
        end = Seq(low);
    }
    Ok(Reached {
        since: Since::Before { at },
        is_first_load: false,
    })
}
