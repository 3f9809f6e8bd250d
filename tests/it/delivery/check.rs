//! Compares what a receiver saw with what happened.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::model::{Entry, Fact, Kind};
use qlik_roster::store::Item;
use serde_json::Value;

use super::WAITS;
use super::receiver::{Came, Note};
use super::side::Side;
use super::world::World;

/// Attempts after which an event is given up on.
const ATTEMPTS: usize = 1 + WAITS.len();

/// The ids of the events that an endpoint should get, by record and position.
type Wanted = BTreeMap<String, BTreeMap<u64, String>>;

/// What the receiver has seen of an endpoint's events so far.
#[derive(Default)]
struct Seen {
    bodies: BTreeMap<String, Value>,
    /// Ids of events that the receiver accepted.
    accepted: BTreeSet<String>,
    /// Failed attempts, by id.
    failures: BTreeMap<String, usize>,
    /// Ids of events that failed in the process that sends now.
    failed_here: BTreeSet<String>,
    /// Events that later ones have overtaken, and that the store has not shown as parked yet: their
    /// row may be written a little later, or never if the process is killed.
    unparked: BTreeMap<u64, String>,
    /// Whether an operator has rewound it: then parked events are sent again.
    is_rewound: bool,
    /// Messages of the process that sends now that were not answered yet.
    under_way: BTreeMap<usize, Vec<Came>>,
    /// Snapshots that were taken: mark and record.
    told: BTreeSet<(u64, String)>,
}

impl Side {
    /// Checks that every event came, none before an earlier one of its record was over, never two
    /// of one record at once, and always with the same content.
    pub fn check(&self, world: &World, entries: &[Entry]) {
        let name = self.endpoint.name();
        let wanted = self.wanted(entries);
        let seen = Seen::of(&name.0, &self.receiver.notes(), &wanted);
        let parked = self.parked(world);
        for id in seen.unparked.values() {
            assert!(
                parked.contains(id),
                "{name}: {id} was passed and not parked"
            );
        }
        for id in wanted.values().flat_map(BTreeMap::values) {
            let is_over = seen.accepted.contains(id) || parked.contains(id);
            assert!(is_over, "{name} did not get {id}");
        }
        self.check_backfill(world, &seen);
    }

    /// Returns the events that the endpoint should get, by record and position.
    fn wanted(&self, entries: &[Entry]) -> Wanted {
        let mut wanted = Wanted::new();
        let behind = entries.iter().filter(|entry| entry.seq > self.from);
        for entry in behind.filter(|entry| self.endpoint.wants(entry)) {
            let Fact::Changed(change) = &entry.fact else {
                panic!("{entry:?}");
            };
            let of_record = wanted.entry(change.id().to_string()).or_default();
            let id = entry.event_id(self.store_id).to_string();
            of_record.insert(entry.seq.0, id);
        }
        wanted
    }

    /// Returns the ids of what was given up on, by the rules.
    fn parked(&self, world: &World) -> BTreeSet<String> {
        let parked = world.store.parked(self.endpoint.name(), None, usize::MAX);
        let parked = parked.unwrap().into_iter();
        parked
            .filter_map(|parked| {
                assert_eq!(parked.attempts as usize, ATTEMPTS, "{parked:?}");
                match parked.item {
                    Item::Entry(seq) => {
                        let entry = world.store.entry(seq).unwrap().unwrap();
                        Some(entry.event_id(self.store_id).to_string())
                    }
                    Item::Snapshot { .. } | Item::Member { .. } => None,
                }
            })
            .collect()
    }

    /// Checks that the last backfill told of every record that has not changed since it was
    /// requested.
    fn check_backfill(&self, world: &World, seen: &Seen) {
        let Some(mark) = self.backfill else { return };
        let name = self.endpoint.name();
        let parked = world.store.parked(name, None, usize::MAX).unwrap();
        let parked: BTreeSet<_> = parked
            .into_iter()
            .filter_map(|parked| match parked.item {
                Item::Entry(_) | Item::Member { .. } => None,
                Item::Snapshot { mark, record, .. } => Some((mark.0, record.id.to_string())),
            })
            .collect();
        // The journal tells of records with this version or a higher one.
        let behind = world.store.entries(mark, 1).unwrap();
        let first = behind.first().map(Entry::version);
        let known = world.store.list(world.known.no, Kind::User, None, 100);
        for kept in known.unwrap() {
            let place = (mark.0, kept.record.id().to_string());
            let is_over = seen.told.contains(&place) || parked.contains(&place);
            assert!(
                is_over || first.is_some_and(|first| kept.version >= first),
                "{name} was not told of {place:?}"
            );
        }
    }
}

impl Seen {
    /// Goes through what a receiver noted, and compares each message with those before it.
    fn of(name: &str, notes: &[Note], wanted: &Wanted) -> Self {
        let (mut seen, mut sends_now) = (Self::default(), 0);
        for note in notes {
            match note {
                Note::Came {
                    message,
                    process,
                    events,
                    given_up,
                } => {
                    seen.unparked.retain(|seq, _| !given_up.contains(seq));
                    for (i, event) in events.iter().enumerate() {
                        let body = seen.bodies.entry(event.id.clone());
                        let same = body.or_insert_with(|| event.body.clone());
                        assert_eq!(same, &event.body, "{} has another body", event.id);
                        let passed = if event.is_snapshot {
                            BTreeMap::new()
                        } else {
                            let of_record = &wanted[&event.record];
                            assert!(of_record.contains_key(&event.seq), "{name}: {event:?}");
                            seen.passed(event, of_record, &events[..i])
                        };
                        // The messages of a process that is gone have no order among those of the
                        // next one.
                        if *process == sends_now {
                            seen.assert_alone(event);
                            seen.note_passed(passed, given_up);
                        }
                    }
                    if *process == sends_now {
                        seen.under_way.insert(*message, events.clone());
                    }
                }
                Note::Answered { message, status } => {
                    for event in seen.under_way.remove(message).unwrap_or_default() {
                        if *status != 200 {
                            *seen.failures.entry(event.id.clone()).or_insert(0) += 1;
                            seen.failed_here.insert(event.id);
                            continue;
                        }
                        if event.is_snapshot {
                            seen.told.insert((event.seq, event.record));
                        }
                        seen.accepted.insert(event.id);
                    }
                }
                Note::Process => {
                    sends_now += 1;
                    seen.under_way.clear();
                    seen.failed_here.clear();
                    seen.unparked.clear();
                    seen.is_rewound = false;
                }
                Note::Rewound => {
                    seen.unparked.clear();
                    seen.is_rewound = true;
                }
            }
        }
        seen
    }

    /// Asserts that this process has no other message under way with an event of this record.
    fn assert_alone(&self, event: &Came) {
        for other in self.under_way.values().flatten() {
            let is_other = other.record != event.record;
            assert!(is_other, "{} and {} at once", other.id, event.id);
        }
    }

    /// Asserts that each earlier event of this record was accepted, was tried as often as allowed,
    /// or comes first in the same message. Returns those that were only tried.
    fn passed(
        &self,
        event: &Came,
        of_record: &BTreeMap<u64, String>,
        before: &[Came],
    ) -> BTreeMap<u64, String> {
        let is_taken =
            |id: &String| self.accepted.contains(id) || before.iter().any(|other| other.id == *id);
        let earlier = of_record.range(..event.seq);
        let passed: BTreeMap<_, _> = earlier.filter(|(_, id)| !is_taken(id)).collect();
        for earlier in passed.values() {
            let is_tried = self.failures.get(*earlier).is_some_and(|n| *n >= ATTEMPTS);
            assert!(is_tried, "{} came before {earlier}", event.id);
        }
        let passed = passed.into_iter();
        passed.map(|(seq, id)| (*seq, id.clone())).collect()
    }

    /// Notes the events that were tried and never accepted: they have to be parked.
    fn note_passed(&mut self, passed: BTreeMap<u64, String>, given_up: &BTreeSet<u64>) {
        for (seq, earlier) in passed {
            let should_be_parked = self.failed_here.contains(&earlier) && !self.is_rewound;
            if should_be_parked && !given_up.contains(&seq) {
                self.unparked.insert(seq, earlier);
            }
        }
    }
}

fn came(message: usize, process: usize, seqs: &[u64]) -> Note {
    let event = |seq: &u64| Came {
        id: format!("evt {seq}"),
        record: "somebody".to_owned(),
        seq: *seq,
        is_snapshot: false,
        body: Value::Null,
    };
    Note::Came {
        message,
        process,
        events: seqs.iter().map(event).collect(),
        given_up: BTreeSet::new(),
    }
}

fn seen_of(notes: &[Note]) -> Seen {
    let events = [10, 20].map(|seq| (seq, format!("evt {seq}")));
    let wanted = BTreeMap::from([("somebody".to_owned(), BTreeMap::from(events))]);
    Seen::of("side", notes, &wanted)
}

#[test]
#[should_panic(expected = "evt 10 and evt 20 at once")]
fn two_messages_of_one_process_about_one_record_at_once_are_noticed() {
    let status = 200;
    seen_of(&[
        came(0, 0, &[10]),
        Note::Answered { message: 0, status },
        // Once more, as an operator may order it.
        came(1, 0, &[10]),
        came(2, 0, &[20]),
    ]);
}

#[test]
#[should_panic(expected = "evt 10 and evt 10 at once")]
fn an_event_that_one_process_sends_twice_at_once_is_noticed() {
    seen_of(&[came(0, 0, &[10]), came(1, 0, &[10])]);
}

#[test]
#[should_panic(expected = "evt 20 came before evt 10")]
fn what_a_process_that_is_gone_sent_out_of_turn_is_noticed() {
    seen_of(&[Note::Process, came(0, 0, &[20])]);
}

/// What a killed process leaves: a slow receiver reads its messages after the next process has
/// begun, and never answers them.
#[test]
fn what_a_process_that_is_gone_had_sent_keeps_nothing_of_the_next_one_waiting() {
    let status = 200;
    let seen = seen_of(&[
        Note::Process,
        came(0, 0, &[10]),
        came(1, 1, &[10, 20]),
        Note::Answered { message: 1, status },
    ]);

    assert_eq!(seen.accepted.len(), 2);
}
