//! What has happened to a licence since a time, so that it can be undone.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::{Fact, LicenceAssignment, LicenceChange, Seq, SubjectKey, Timestamp};
use crate::store::{KeptLicence, Known, Skimmed, Store};

use super::error::HistoryError;
use super::since::last_before;
use super::waiting::{Entries, until_included};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// The most changed subjects to keep until they are undone. Each takes some 300 bytes.
const MAX_CHANGED: usize = 200_000;

/// The most of these to keep for the next page of an answer: 6 MB for each time that is asked
/// about.
const MAX_KEPT: usize = 20_000;

/// What has happened to the licence of a tenant since a time.
#[derive(Debug)]
pub(super) struct LicencePast {
    at: Timestamp,
    up_to: Seq,
    /// What was assigned then, for each subject that has changed since.
    subjects: BTreeMap<SubjectKey, Then>,
    /// The first time since then that the tenant got another licence; `None` if it has not.
    other: Option<Other>,
    /// The earliest time at which something of what has changed may have happened; `None` if
    /// nothing has changed.
    not_before: Option<Timestamp>,
    has_gap: bool,
}

/// What was assigned to a subject.
#[derive(Debug)]
struct Then {
    assignments: Vec<LicenceAssignment>,
    changed_at: Option<Timestamp>,
    /// When the last change was found that was read.
    last: Timestamp,
}

/// That a tenant got another licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    /// The number of the licence before.
    pub(super) before: Option<String>,
    /// The number of the next licence, if the tenant may have had it at the time already: the
    /// reading before the one that found it had begun earlier.
    pub(super) may_be: Option<String>,
}

impl LicencePast {
    /// Reads what has happened to a licence since a time.
    pub(super) fn since(store: &Store, known: &Known, at: Timestamp) -> Result<Self, HistoryError> {
        let mut past = Self {
            at,
            up_to: last_before(store, at)?,
            subjects: BTreeMap::new(),
            other: None,
            not_before: None,
            has_gap: false,
        };
        past.extend(store, known)?;
        Ok(past)
    }

    fn extend(&mut self, store: &Store, known: &Known) -> Result<(), HistoryError> {
        loop {
            let entries = store.skim(self.up_to, AT_ONCE)?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                if entry.seq() != self.up_to.next() {
                    return Err(HistoryError::WasCut);
                }
                self.up_to = entry.seq();
                self.take(known, entry);
            }
            if self.subjects.len() > MAX_CHANGED {
                return Err(HistoryError::TooManyInLicence { limit: MAX_CHANGED });
            }
        }
    }

    fn take(&mut self, known: &Known, entry: Skimmed) {
        let origin = entry.origin();
        let is_ours = origin.is_some_and(|origin| origin.account.tenant == known.tenant.id);
        let at = entry.at();
        let Skimmed::Other(entry) = entry else {
            return;
        };
        if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
            self.has_gap = true;
        }
        if let Fact::LicenceChanged(change) = entry.fact
            && is_ours
        {
            self.undo(change, at);
        }
    }

    /// Undoes a change: only the first one of a subject says what it was at the time.
    fn undo(&mut self, change: LicenceChange, at: Timestamp) {
        let begun = change.not_before.unwrap_or(Timestamp::from_millis(0));
        self.not_before = Some(self.not_before.map_or(begun, |known| known.min(begun)));
        for (subject, change) in change.subjects {
            let then = self.subjects.entry(subject).or_insert(Then {
                assignments: change.before,
                changed_at: change.since,
                last: at,
            });
            then.last = at;
        }
        if let (None, Some(other)) = (&self.other, change.licence) {
            let may_be = change.not_before.is_none_or(|begun| begun <= self.at);
            self.other = Some(Other {
                before: other.before,
                may_be: other.after.filter(|_| may_be),
            });
        }
    }

    /// Returns whether an entry could not be read.
    pub(super) fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Returns the first time since then that the tenant got another licence.
    pub(super) fn other(&self) -> Option<&Other> {
        self.other.as_ref()
    }

    /// Returns the earliest time at which something of what has changed since then may have
    /// happened. `None` if nothing has changed.
    pub(super) fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// Returns whether there are few enough changes to keep them for the next page of an answer.
    pub(super) fn is_small(&self) -> bool {
        self.subjects.len() <= MAX_KEPT
    }

    /// Returns the subjects that have changed since then, of those after a subject and up to
    /// another. `None` means from the first one, or up to the last.
    pub(super) fn changed(
        &self,
        after: Option<&SubjectKey>,
        last: Option<&SubjectKey>,
    ) -> impl Iterator<Item = &SubjectKey> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let last = last.map_or(Bound::Unbounded, Bound::Included);
        let range = self.subjects.range::<SubjectKey, _>((after, last));
        range.map(|(subject, _)| subject)
    }

    /// Reads on until the entries of subjects that were just read are included. A row becomes
    /// visible a moment before its entry is on disk, so this may have to wait.
    pub(super) fn catch_up(
        &mut self,
        store: &Store,
        known: &Known,
        page: &[KeptLicence],
    ) -> Result<(), HistoryError> {
        until_included(known, || {
            self.extend(store, known)?;
            let is_behind = page.iter().any(|kept| {
                let last = self.subjects.get(&kept.subject).map(|then| then.last);
                kept.changed_at > Some(self.at) && last < kept.changed_at
            });
            Ok(match is_behind && !self.has_gap {
                true => Entries::Missing,
                false => Entries::Included,
            })
        })
    }

    /// Returns what was assigned to a subject at that time, and since when, given how it is now.
    pub(super) fn then(
        &self,
        subject: &SubjectKey,
        now: Option<KeptLicence>,
    ) -> Option<SubjectLicences> {
        match self.subjects.get(subject) {
            None => now.and_then(SubjectLicences::of),
            Some(then) if then.assignments.is_empty() => None,
            Some(then) => Some(SubjectLicences {
                subject: subject.clone(),
                assignments: then.assignments.clone(),
                changed_at: then.changed_at,
            }),
        }
    }
}

/// What is, or was, assigned to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectLicences {
    /// The subject.
    pub subject: SubjectKey,
    /// The assignments; there is at least one.
    pub assignments: Vec<LicenceAssignment>,
    /// When a reading found that they had changed, by our clock; `None` if they are as the first
    /// reading found them.
    pub changed_at: Option<Timestamp>,
}

impl SubjectLicences {
    /// Returns what is assigned by a row; `None` if no complete reading has found anything yet.
    pub(super) fn of(kept: KeptLicence) -> Option<Self> {
        let KeptLicence {
            subject,
            assignments,
            shown: _,
            reading: _,
            changed_at,
        } = kept;
        (!assignments.is_empty()).then_some(Self {
            subject,
            assignments,
            changed_at,
        })
    }
}
