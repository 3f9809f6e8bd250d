//! Holds what a receiver saw against what happened.

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

/// What was seen of an endpoint's events so far.
#[derive(Default)]
struct Seen {
    bodies: BTreeMap<String, Value>,
    /// Ids of events that were taken.
    accepted: BTreeSet<String>,
    /// Failed attempts, by id.
    failures: BTreeMap<String, usize>,
    /// Ids of events that failed in the process that sends now.
    failed_here: BTreeSet<String>,
    /// Events that were passed as given up on, and that the store has not shown as parked yet:
    /// their row may be written a little later, or never if the process is killed.
    unparked: BTreeMap<u64, String>,
    /// Whether an operator has ordered that it goes back: that takes parked events up again.
    is_rewound: bool,
    /// Messages that were not answered yet.
    under_way: BTreeMap<usize, Vec<Came>>,
    /// Snapshots that were taken: mark and record.
    told: BTreeSet<(u64, String)>,
}

impl Side {
    /// Every event came, none before an earlier one of its record was over, never two of one
    /// record at once, and always the same.
    pub fn check(&self, world: &World, entries: &[Entry]) {
        let name = self.endpoint.name();
        let wanted = self.wanted(entries);
        let mut seen = Seen::default();
        for note in self.receiver.notes() {
            match note {
                Note::Came {
                    message,
                    events,
                    given_up,
                } => {
                    seen.unparked.retain(|seq, _| !given_up.contains(seq));
                    for (i, event) in events.iter().enumerate() {
                        let body = seen.bodies.entry(event.id.clone());
                        let same = body.or_insert_with(|| event.body.clone());
                        assert_eq!(same, &event.body, "{} has another body", event.id);
                        seen.assert_alone(event);
                        if !event.is_snapshot {
                            let of_record = &wanted[&event.record];
                            assert!(of_record.contains_key(&event.seq), "{name}: {event:?}");
                            seen.assert_in_turn(event, of_record, &events[..i], &given_up);
                        }
                    }
                    seen.under_way.insert(message, events);
                }
                Note::Answered { message, status } => {
                    for event in seen.under_way.remove(&message).unwrap_or_default() {
                        if status != 200 {
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
                // What the one before sent may still be under way there.
                Note::Process => {
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

    /// Returns the events that it should get, by record and place.
    fn wanted(&self, entries: &[Entry]) -> BTreeMap<String, BTreeMap<u64, String>> {
        let mut wanted: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
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
                    Item::Snapshot { .. } => None,
                }
            })
            .collect()
    }

    /// What is as it was when the last backfill was asked for, was told of in it.
    fn check_backfill(&self, world: &World, seen: &Seen) {
        let Some(mark) = self.backfill else { return };
        let name = self.endpoint.name();
        let parked = world.store.parked(name, None, usize::MAX).unwrap();
        let parked: BTreeSet<_> = parked
            .into_iter()
            .filter_map(|parked| match parked.item {
                Item::Entry(_) => None,
                Item::Snapshot { mark, record, .. } => Some((mark.0, record.id.to_string())),
            })
            .collect();
        // Whatever has its version, or a higher one, is told of by the journal.
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
    /// No other message with an event of this record is under way. What a killed process had
    /// sent may still arrive: then it was taken before, or is the same.
    fn assert_alone(&self, event: &Came) {
        for other in self.under_way.values().flatten() {
            let is_late = other.id == event.id || self.accepted.contains(&other.id);
            let is_other = other.record != event.record;
            assert!(is_late || is_other, "{} and {} at once", other.id, event.id);
        }
    }

    /// The earlier events of its record were taken, or were tried as often as they are to be,
    /// or go before it in the same message. Who was only tried has to be parked.
    fn assert_in_turn(
        &mut self,
        event: &Came,
        of_record: &BTreeMap<u64, String>,
        before: &[Came],
        given_up: &BTreeSet<u64>,
    ) {
        for (seq, earlier) in of_record.range(..event.seq) {
            let is_taken =
                self.accepted.contains(earlier) || before.iter().any(|other| other.id == *earlier);
            if is_taken {
                continue;
            }
            let is_tried = self.failures.get(earlier).is_some_and(|n| *n >= ATTEMPTS);
            assert!(is_tried, "{} came before {earlier}", event.id);
            let should_be_parked = self.failed_here.contains(earlier) && !self.is_rewound;
            if should_be_parked && !given_up.contains(seq) {
                self.unparked.insert(*seq, earlier.clone());
            }
        }
    }
}
