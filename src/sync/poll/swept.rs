//! What a successful sweep means for the polls after it: which changes the audit log had not
//! reported, and the time from which the log is read. Blocks, as the store does.

use std::time::Duration;

use crate::model::{Change, Fact, RecordRef, RunId, Seq, TenantId, Timestamp};
use crate::store::{Bookmark, SeenEvent, Store, StoreError};

use super::audit_state::{Pace, Waited};
use super::missed::{Reckoning, before};

/// Journal entries that are read in one step.
const PAGE: usize = 500;

/// A successful sweep, and what polls had done by its end.
pub(super) struct Swept {
    pub tenant: TenantId,
    pub own: RunId,
    /// The sweep's entries are those after this one.
    pub behind: Seq,
    pub began: Timestamp,
    pub now: Timestamp,
    /// Up to when polls have read.
    pub read_to: Timestamp,
    pub pace: Pace,
    pub overlap: Duration,
    pub waited: Waited,
    /// Events that polls have left to the sweep.
    pub covered: Vec<SeenEvent>,
}

/// What became of the bookmark.
pub(super) struct Concluded {
    /// How many changes the log had missed; `None` if it was not read before.
    pub missed: Option<u64>,
    /// The time up to which the log counts as read, if polls continue from the sweep; `None` if
    /// they continue where they are.
    pub reset_to: Option<Timestamp>,
}

impl Swept {
    /// Moves the bookmark; `None` if the tenant is not known.
    pub(super) fn conclude(self, store: &Store) -> Result<Option<Concluded>, StoreError> {
        let tenants = store.tenants()?;
        let Some(known) = tenants
            .into_iter()
            .find(|known| known.tenant.id == self.tenant)
        else {
            return Ok(None);
        };
        let kept = store.bookmark(known.no)?;
        let (missed, untold) = match &kept {
            None => (None, Vec::new()),
            Some(kept) => {
                let (missed, untold) = self.reckon(store, kept)?;
                (Some(missed), untold)
            }
        };
        let is_reset = kept.as_ref().is_none_or(|kept| self.covers(kept));
        let next = match kept.clone() {
            Some(kept) if !is_reset => Bookmark { untold, ..kept },
            Some(_) | None => self.reset(),
        };
        let reset_to = is_reset.then_some(next.until);
        if kept.as_ref() != Some(&next) {
            let forget = before(next.until, self.overlap);
            let recent = self.covered.into_iter().filter(|seen| seen.at >= forget);
            store.set_bookmark(known.no, &next, &recent.collect::<Vec<_>>(), forget)?;
        }
        Ok(Some(Concluded { missed, reset_to }))
    }

    /// Returns the bookmark of polls that continue from the beginning of the sweep. The sessions
    /// that polls have read stay known, and polls read on after them, since the sweep has seen
    /// none. If polls have left a gap, sessions are known only once a poll has read the log again.
    fn reset(&self) -> Bookmark {
        let read = match self.pace {
            Pace::Behind(read) => read,
            Pace::Abreast => None,
        };
        Bookmark {
            since: self.began,
            until: read.map_or(self.began, |span| span.until.min(self.began)),
            untold: Vec::new(),
            sessions_since: read.map(|span| span.since),
        }
    }

    /// Returns how many changes the log had missed, and which deletions it has yet to report.
    fn reckon(
        &self,
        store: &Store,
        kept: &Bookmark,
    ) -> Result<(u64, Vec<(Timestamp, RecordRef)>), StoreError> {
        // If the clock was set back, this must not promise anything about the future.
        let until = self.read_to.max(kept.until).min(self.began);
        let mut reckoning = Reckoning::of(kept, until, self.overlap);
        each_change(store, self.behind, |run, change| {
            if run == self.own {
                reckoning.weigh(change, self.now);
            }
        })?;
        Ok(reckoning.result())
    }

    /// Returns whether polls continue from the beginning of the sweep. If they are behind it, they
    /// would only look at what the sweep has already seen.
    fn covers(&self, kept: &Bookmark) -> bool {
        self.waited == Waited::Yes
            || (self.pace != Pace::Abreast && self.read_to.max(kept.until) < self.began)
    }
}

/// Visits the changes after a position in the journal, with the run that found each.
fn each_change(
    store: &Store,
    mut seq: Seq,
    mut visit: impl FnMut(RunId, &Change),
) -> Result<(), StoreError> {
    loop {
        let entries = store.entries(seq, PAGE)?;
        let Some(last) = entries.last() else {
            return Ok(());
        };
        seq = last.seq;
        for entry in &entries {
            match &entry.fact {
                Fact::Changed(change) => {
                    if let Some(run) = entry.run() {
                        visit(run, change);
                    }
                }
                Fact::Loaded { .. }
                | Fact::SpaceChanged(_)
                | Fact::LicenceChanged(_)
                | Fact::Held { .. }
                | Fact::Failed { .. }
                | Fact::Recovered(_)
                | Fact::EndpointDisabled { .. }
                | Fact::Unreadable
                | Fact::HistoryLost(_)
                | Fact::RightChanged(_)
                | Fact::RoleContentChanged { .. } => {}
            }
        }
    }
}
