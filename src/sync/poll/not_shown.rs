//! What events of the audit log reported of records that did not show it yet when they were read.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{RecordRef, Reported, Timestamp};

/// The most records that are noted, which bounds memory.
const MAX_BEHIND: usize = 10_000;

/// What events reported of records that did not show it yet when they were read. These events may
/// have caused whatever such a record shows later.
#[derive(Debug, Default)]
pub(super) struct NotShown(BTreeMap<RecordRef, Reported>);

impl NotShown {
    /// Notes which of the records that were read did not show what was reported of them, and
    /// forgets the others that were read.
    pub(super) fn note(
        &mut self,
        read: &BTreeSet<RecordRef>,
        not_shown: BTreeMap<RecordRef, Reported>,
    ) {
        self.0.retain(|record, _| !read.contains(record));
        self.0.extend(not_shown);
        let n_over = self.0.len().saturating_sub(MAX_BEHIND);
        if n_over > 0 {
            let mut times: Vec<_> = self.0.values().map(|reported| reported.last).collect();
            times.sort_unstable();
            // The newest are the likeliest to explain what a record shows later.
            if let Some(oldest) = times.get(n_over) {
                self.forget(*oldest);
            }
            // Many may have happened at one time.
            while self.0.len() > MAX_BEHIND {
                self.0.pop_last();
            }
        }
    }

    /// Forgets what happened before a time.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.0.retain(|_, reported| reported.last >= before);
    }

    /// Returns what is noted.
    pub(super) fn get(&self) -> &BTreeMap<RecordRef, Reported> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, Kind};

    fn record(n: u8) -> RecordRef {
        RecordRef {
            kind: Kind::User,
            id: Id::parse(&format!("{n:024x}")).unwrap(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn what_a_record_does_not_show_is_noted_until_it_is_read_again() {
        let reported = |seconds| Reported::of(at(seconds), None);
        let mut not_shown = NotShown::default();
        let all = [1, 2, 3].map(record).into();

        not_shown.note(
            &all,
            [1, 2, 3].map(|n| (record(n), reported(n.into()))).into(),
        );
        not_shown.note(&[record(2)].into(), BTreeMap::new());
        not_shown.forget(at(3));

        assert_eq!(*not_shown.get(), [(record(3), reported(3))].into());
    }

    #[test]
    fn the_oldest_are_forgotten_if_there_are_too_many() {
        let mut not_shown = NotShown::default();
        let all = u32::try_from(MAX_BEHIND).unwrap() + 5;
        let numbered = |n: u32| RecordRef {
            kind: Kind::User,
            id: Id::parse(&format!("{n:024x}")).unwrap(),
        };
        // Those with the highest ids are the newest.
        let each = (0..all).map(|n| (numbered(n), Reported::of(at(n.into()), None)));

        not_shown.note(&BTreeSet::new(), each.collect());

        let kept = not_shown.get();
        assert_eq!(kept.len(), MAX_BEHIND);
        assert!(!kept.contains_key(&numbered(4)) && kept.contains_key(&numbered(5)));

        let at_once = (all..2 * all).map(|n| (numbered(n), Reported::of(at(1_000_000), None)));
        not_shown.note(&BTreeSet::new(), at_once.collect());
        assert_eq!(not_shown.get().len(), MAX_BEHIND);
    }

    #[test]
    fn a_record_that_was_last_changed_before_an_event_does_not_show_it() {
        let event = Reported::of(at(100), None);
        for (updated, is_ahead, explains) in [
            (None, true, true),
            (Some(94), true, true),
            (Some(95), false, true),
            (Some(105), false, true),
            (Some(106), false, false),
        ] {
            let updated = updated.map(at);
            let found = (event.is_ahead_of(updated), event.explains(updated));
            assert_eq!(found, (is_ahead, explains), "{updated:?}");
        }
    }
}
