//! What is left to look at from a slice of the audit log, in the order in which it happened.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{About, AuditEvent, AuditPage, RecordRef, SpaceId, Timestamp};
use crate::store::{SeenEvent, SpaceNote};

/// Records to ask for, and the events that count as seen once that is done.
#[derive(Debug, Default)]
pub(super) struct Todo {
    records: VecDeque<RecordRef>,
    /// Events in order, each with the number of records that must have been asked for by then.
    events: VecDeque<(SeenEvent, usize)>,
    n_asked: usize,
    /// Spaces that events name, and what they say of them.
    spaces: BTreeMap<SpaceId, SpaceNote>,
    /// Whether events name the licence.
    names_licence: bool,
    /// Events that concern us, but do not say which record they are about.
    pub(in crate::sync) unreadable: Vec<String>,
}

/// A part of the work that is done in one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct Portion {
    pub(in crate::sync) records: BTreeSet<RecordRef>,
    /// Events that count as seen after it.
    pub(in crate::sync) seen: Vec<SeenEvent>,
    /// The time up to which everything is seen after it; `None` if that has not changed.
    pub(in crate::sync) until: Option<Timestamp>,
}

impl Todo {
    /// Takes the new events of a page of the log, and further records to look at.
    pub(in crate::sync) fn of(
        audit_page: AuditPage,
        known: &BTreeSet<SeenEvent>,
        besides: BTreeSet<RecordRef>,
    ) -> Self {
        // An event is identified by its id: the same id at two times is one event.
        let known: BTreeSet<_> = known.iter().map(|seen| seen.id).collect();
        let mut new: BTreeMap<_, AuditEvent> = BTreeMap::new();
        for one in audit_page.events {
            if !known.contains(&one.id) {
                new.entry(one.id).or_insert(one);
            }
        }
        let mut new: Vec<AuditEvent> = new.into_values().collect();
        new.sort_by_key(|one| (one.at, one.id));

        let mut places: BTreeMap<RecordRef, usize> = BTreeMap::new();
        let mut todo = Self::default();
        for record in besides {
            todo.records.push_back(record.clone());
            places.insert(record, todo.records.len());
        }
        for AuditEvent { id, at, about } in new {
            let mut needed = 0;
            match about {
                About::Records(records) => {
                    for record in records {
                        let place = *places.entry(record.clone()).or_insert_with(|| {
                            todo.records.push_back(record);
                            todo.records.len()
                        });
                        needed = needed.max(place);
                    }
                }
                About::Space { id, is_gone } => {
                    let said = match is_gone {
                        true => SpaceNote::Deleted,
                        false => SpaceNote::Changed,
                    };
                    let known = todo.spaces.entry(id).or_insert(said);
                    *known = said.max(*known);
                }
                About::Licence => todo.names_licence = true,
                About::Unreadable(what) | About::Unknown(what) => todo.unreadable.push(what),
            }
            todo.events.push_back((SeenEvent { at, id }, needed));
        }
        todo
    }

    /// Takes out the spaces that events name, and what they say of them.
    pub(super) fn take_spaces(&mut self) -> BTreeMap<SpaceId, SpaceNote> {
        std::mem::take(&mut self.spaces)
    }

    /// Returns whether events name the licence.
    pub(super) fn names_licence(&self) -> bool {
        self.names_licence
    }

    /// Returns how many events are not seen yet.
    pub(super) fn n_events(&self) -> usize {
        self.events.len()
    }

    /// Returns whether nothing is left.
    pub(in crate::sync) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.events.is_empty()
    }

    /// Takes out the next records, at most `limit`. An event is seen once all records that it names
    /// were asked for and all events before it are seen.
    pub(in crate::sync) fn next(&mut self, limit: usize) -> Portion {
        let n_records = limit.min(self.records.len());
        let mut portion = Portion {
            records: self.records.drain(..n_records).collect(),
            ..Portion::default()
        };
        self.n_asked += n_records;
        while let Some((seen, needed)) = self.events.front().copied() {
            if needed > self.n_asked {
                break;
            }
            self.events.pop_front();
            portion.until = Some(seen.at);
            portion.seen.push(seen);
        }
        portion
    }

    /// Takes out all events, for a sweep to cover.
    pub(super) fn take_events(&mut self) -> Vec<SeenEvent> {
        self.events.drain(..).map(|(seen, _)| seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AuditEventId, Extent, Id, Kind};

    fn record(n: u8) -> RecordRef {
        RecordRef {
            kind: Kind::User,
            id: Id::parse(&format!("{n:024x}")).unwrap(),
        }
    }

    fn at(n: u8) -> Timestamp {
        Timestamp::from_millis(i64::from(n) * 1000)
    }

    fn seen(n: u8) -> SeenEvent {
        SeenEvent {
            at: at(n),
            id: AuditEventId([n; 16]),
        }
    }

    /// Events by number and time, with the records that each names; `None` if it cannot be read.
    fn todo(events: &[(u8, &[u8])], known: &[u8], besides: &[u8]) -> Todo {
        let told = events.iter().map(|(n, records)| AuditEvent {
            id: AuditEventId([*n; 16]),
            at: at(*n),
            about: match records.is_empty() {
                true => About::Unreadable("odd".to_owned()),
                false => About::Records(records.iter().map(|n| record(*n)).collect()),
            },
        });
        let audit_page = AuditPage {
            events: told.collect(),
            sessions: Vec::new(),
            extent: Extent::Whole,
        };
        let known = known.iter().map(|n| seen(*n)).collect();
        Todo::of(
            audit_page,
            &known,
            besides.iter().map(|n| record(*n)).collect(),
        )
    }

    fn portion(records: &[u8], events: &[u8]) -> Portion {
        Portion {
            records: records.iter().map(|n| record(*n)).collect(),
            seen: events.iter().map(|n| seen(*n)).collect(),
            until: events.last().map(|n| at(*n)),
        }
    }

    #[test]
    fn portions_come_in_the_order_of_events_and_name_each_record_once() {
        let mut todo = todo(
            &[(3, &[9]), (1, &[5]), (2, &[7]), (4, &[5]), (1, &[5])],
            &[],
            &[],
        );

        assert_eq!(todo.next(2), portion(&[5, 7], &[1, 2]));
        assert_eq!(todo.next(2), portion(&[9], &[3, 4]));
        assert!(todo.is_empty());
    }

    #[test]
    fn an_event_is_seen_with_the_last_record_that_it_names_and_not_before_earlier_ones() {
        let mut todo = todo(&[(1, &[1, 2, 3]), (2, &[1]), (3, &[4])], &[], &[]);

        assert_eq!(todo.next(2), portion(&[1, 2], &[]));
        assert_eq!(todo.next(1), portion(&[3], &[1, 2]));
        assert_eq!(todo.next(9), portion(&[4], &[3]));
    }

    #[test]
    fn what_is_seen_already_is_passed_over_and_what_cannot_be_read_is_seen() {
        let mut todo = todo(&[(1, &[1]), (2, &[]), (3, &[3])], &[1], &[8]);

        assert_eq!((todo.n_events(), todo.unreadable.len()), (2, 1));
        assert_eq!(todo.next(1), portion(&[8], &[2]));
        assert_eq!(todo.next(1), portion(&[3], &[3]));
        assert_eq!(todo.next(1), portion(&[], &[]));
    }
}
