//! What is left to look at from a slice of the audit log, in the order in which it happened.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{About, AuditEvent, AuditPage, RecordRef, Reported, SpaceId, Timestamp};
use crate::store::{SeenEvent, SpaceNote};
use crate::sync::run::beside::Wanted;

/// Records to ask for, and the events that count as seen once that is done.
#[derive(Debug, Default)]
pub(super) struct Todo {
    records: VecDeque<RecordRef>,
    /// What the events report of the records that they name.
    reported: BTreeMap<RecordRef, Reported>,
    /// What each event reports of each record.
    each: Vec<(RecordRef, Reported)>,
    /// Events in order, each with the number of records that must have been asked for by then.
    events: VecDeque<(SeenEvent, usize)>,
    n_asked: usize,
    /// Spaces that events name, and what the events say about each.
    spaces: BTreeMap<SpaceId, SpaceNote>,
    /// Whether an event is about a space, but does not say which.
    names_unknown_space: bool,
    /// Whether events name the licence.
    names_licence: bool,
    /// Events that concern us, but do not say which record they are about.
    pub(in crate::sync) unreadable: Vec<String>,
}

/// A part of the work that is done in one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct Portion {
    pub(in crate::sync) records: BTreeSet<RecordRef>,
    /// What the events report of those records.
    pub(in crate::sync) reported: BTreeMap<RecordRef, Reported>,
    /// Events that count as seen once this part is done.
    pub(in crate::sync) seen: Vec<SeenEvent>,
    /// The time up to which everything counts as seen once this part is done; `None` if that has
    /// not changed.
    pub(in crate::sync) until: Option<Timestamp>,
}

impl Portion {
    /// Returns the records to ask for, and what is reported of them.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            records: self.records.clone(),
            reported: self.reported.clone(),
        }
    }
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
        for AuditEvent { id, at, by, about } in new {
            let mut needed = 0;
            match about {
                About::Records(records) => {
                    for record in records {
                        todo.note(&record, Reported::of(at, by.as_ref()));
                        let place = *places.entry(record.clone()).or_insert_with(|| {
                            todo.records.push_back(record);
                            todo.records.len()
                        });
                        needed = needed.max(place);
                    }
                }
                About::Space { id: None, .. } => todo.names_unknown_space = true,
                About::Space {
                    id: Some(id),
                    is_gone,
                } => {
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

    /// Notes what an event reports of a record.
    fn note(&mut self, record: &RecordRef, new: Reported) {
        self.each.push((record.clone(), new.clone()));
        match self.reported.get_mut(record) {
            Some(reported) => reported.add(&new),
            None => {
                self.reported.insert(record.clone(), new);
            }
        }
    }

    /// Adds what earlier events reported, to records that new events name as well.
    pub(super) fn add_reports(&mut self, earlier: &BTreeMap<RecordRef, Reported>) {
        for (record, reported) in &mut self.reported {
            if let Some(earlier) = earlier.get(record) {
                reported.add(earlier);
            }
        }
    }

    /// Takes out what each event reports of each record.
    pub(super) fn take_each(&mut self) -> Vec<(RecordRef, Reported)> {
        std::mem::take(&mut self.each)
    }

    /// Takes out the spaces that events name, and what the events say about each.
    pub(super) fn take_spaces(&mut self) -> BTreeMap<SpaceId, SpaceNote> {
        std::mem::take(&mut self.spaces)
    }

    /// Returns whether an event is about a space, but does not say which.
    pub(super) fn names_unknown_space(&self) -> bool {
        self.names_unknown_space
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
        let records: BTreeSet<RecordRef> = self.records.drain(..n_records).collect();
        let reported = records
            .iter()
            .filter_map(|record| self.reported.remove_entry(record));
        let mut portion = Portion {
            reported: reported.collect(),
            records,
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
    use crate::model::{AuditEventId, Extent, Id, Kind, UserId};

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
            by: None,
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

    /// Returns a portion without what is reported of its records.
    fn work(portion: Portion) -> Portion {
        Portion {
            reported: BTreeMap::new(),
            ..portion
        }
    }

    fn portion(records: &[u8], events: &[u8]) -> Portion {
        Portion {
            reported: BTreeMap::new(),
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

        assert_eq!(work(todo.next(2)), portion(&[5, 7], &[1, 2]));
        assert_eq!(work(todo.next(2)), portion(&[9], &[3, 4]));
        assert!(todo.is_empty());
    }

    #[test]
    fn a_record_is_reported_by_all_new_events_that_name_it_and_by_everybody_who_caused_one() {
        let user = |n: u8| UserId(record(n).id);
        let event = |n: u8, by: Option<u8>, records: &[u8]| AuditEvent {
            id: AuditEventId([n; 16]),
            at: at(n),
            by: by.map(user),
            about: About::Records(records.iter().map(|n| record(*n)).collect()),
        };
        let audit_page = AuditPage {
            events: vec![
                event(1, Some(90), &[1]),
                event(2, Some(91), &[1, 2]),
                event(3, Some(92), &[2, 3]),
                event(4, None, &[3]),
            ],
            sessions: Vec::new(),
            extent: Extent::Whole,
        };

        let mut todo = Todo::of(audit_page, &[seen(2)].into(), [record(4)].into());
        let reported = todo.next(9).reported;

        let expected = |first: u8, last: u8, by: Option<u8>| Reported {
            first: at(first),
            last: at(last),
            by: by.map(|n| BTreeSet::from([user(n)])),
        };
        let all = [
            (record(1), expected(1, 1, Some(90))),
            (record(2), expected(3, 3, Some(92))),
            (record(3), expected(3, 4, None)),
        ];
        assert_eq!(reported, BTreeMap::from(all));
    }

    #[test]
    fn what_a_record_did_not_show_is_reported_with_the_next_event_that_names_it() {
        let mut todo = todo(&[(5, &[1])], &[], &[]);
        let by = |n: u8| Some(BTreeSet::from([UserId(record(n).id)]));
        let earlier = |n: u8| Reported {
            first: at(n),
            last: at(n),
            by: by(90),
        };

        todo.add_reports(&[(record(1), earlier(3)), (record(2), earlier(4))].into());

        let expected = Reported {
            first: at(3),
            last: at(5),
            by: None,
        };
        assert_eq!(todo.next(9).reported, [(record(1), expected)].into());
    }

    #[test]
    fn an_event_is_seen_with_the_last_record_that_it_names_and_not_before_earlier_ones() {
        let mut todo = todo(&[(1, &[1, 2, 3]), (2, &[1]), (3, &[4])], &[], &[]);

        assert_eq!(work(todo.next(2)), portion(&[1, 2], &[]));
        assert_eq!(work(todo.next(1)), portion(&[3], &[1, 2]));
        assert_eq!(work(todo.next(9)), portion(&[4], &[3]));
    }

    #[test]
    fn what_is_seen_already_is_passed_over_and_what_cannot_be_read_is_seen() {
        let mut todo = todo(&[(1, &[1]), (2, &[]), (3, &[3])], &[1], &[8]);

        assert_eq!((todo.n_events(), todo.unreadable.len()), (2, 1));
        assert_eq!(work(todo.next(1)), portion(&[8], &[2]));
        assert_eq!(work(todo.next(1)), portion(&[3], &[3]));
        assert_eq!(work(todo.next(1)), portion(&[], &[]));
    }
}
