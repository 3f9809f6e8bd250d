//! The tenant's audit log: Qlik's events, and the faults that may strike them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use crate::lock::lock;
use crate::model::{Timestamp, UserId};

use super::deed::Deed;
use super::draft::{Draft, Generations};
use super::faults::When;

/// The most events that are kept; if a test makes more, the oldest are deleted.
const MAX_EVENTS: usize = 500_000;

/// What goes wrong with an event on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFault {
    /// It appears this much later, with the time at which it happened.
    Late(Duration),
    /// It is dated this much earlier than it happened.
    Backdated(Duration),
    /// It never appears.
    Lost,
    /// It appears twice: two items, one event id.
    Twice,
    /// Nothing in it says which record it is about.
    NamesNobody,
    /// It does not say who caused it.
    Anonymous,
}

/// The log. Clones share it.
#[derive(Debug, Clone)]
pub struct AuditLog(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    generations: Generations,
    events: BTreeMap<LogKey, Arc<Event>>,
    serial: u64,
    faults: Vec<Armed>,
    actor: Option<UserId>,
}

/// An event's key in the log: the time at which it happened, then its number in the order of
/// writing.
pub type LogKey = (Timestamp, u64);

#[derive(Debug)]
struct Armed {
    fault: LogFault,
    when: When,
    met: u64,
}

/// An event in the log.
#[derive(Debug, Clone)]
pub struct Event {
    pub serial: u64,
    pub id: String,
    pub at: Timestamp,
    pub appears_at: Timestamp,
    pub kind: String,
    pub source: String,
    pub data: Value,
    /// The record that it is about, if the envelope names the record and the payload does not.
    pub top_level: Option<String>,
    /// Who caused it. `None` if it was the owner of the tenant.
    pub actor: Option<UserId>,
    /// Whether it says who caused it.
    pub names_actor: bool,
}

impl AuditLog {
    pub(super) fn new(generations: Generations) -> Self {
        Self(Arc::new(Mutex::new(Log {
            generations,
            events: BTreeMap::new(),
            serial: 0,
            faults: Vec::new(),
            actor: None,
        })))
    }

    /// Names a user as the cause of the events that are written from now on. Without a user, the
    /// events name the owner of the tenant.
    pub fn act_as(&self, user: Option<UserId>) {
        self.log().actor = user;
    }

    /// Returns who is the cause of what happens now; `None` if it is the owner of the tenant.
    pub(super) fn actor(&self) -> Option<UserId> {
        self.log().actor.clone()
    }

    /// Makes a fault strike events that are written from now on. Several may strike the same event.
    pub fn on(&self, fault: LogFault, when: When) {
        self.log().faults.push(Armed {
            fault,
            when,
            met: 0,
        });
    }

    /// Ends all faults; events that are late stay late.
    pub fn clear(&self) {
        self.log().faults.clear();
    }

    /// Makes all late events appear.
    pub fn release(&self) {
        for event in self.log().events.values_mut() {
            Arc::make_mut(event).appears_at = event.at;
        }
    }

    /// Writes this many events that have nothing to do with people.
    pub fn write_others(&self, n_events: usize, now: Timestamp) {
        for _ in 0..n_events {
            self.log().write(now, &Draft::of_app());
        }
    }

    /// Returns how many events were written, including lost ones.
    pub fn n_written(&self) -> u64 {
        self.log().serial
    }

    /// Writes the events of an action to the log.
    pub(super) fn write(&self, now: Timestamp, deed: &Deed<'_>) {
        let mut log = self.log();
        for draft in deed.drafts(log.generations) {
            log.write(now, &draft);
        }
    }

    /// Returns the events of a span of time that the log shows, in order.
    pub(super) fn between(
        &self,
        from: Timestamp,
        to: Timestamp,
        now: Timestamp,
    ) -> Vec<Arc<Event>> {
        let log = self.log();
        let span = log.events.range((from, 0)..=(to.max(from), u64::MAX));
        span.map(|(_, event)| Arc::clone(event))
            .filter(|event| event.appears_at <= now)
            .collect()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.0)
    }
}

impl Log {
    fn write(&mut self, now: Timestamp, draft: &Draft) {
        self.serial += 1;
        let mut event = Event {
            serial: self.serial,
            id: event_id(self.serial),
            at: now,
            appears_at: now,
            kind: draft.kind.clone(),
            source: draft.source.to_owned(),
            data: draft.data.clone(),
            top_level: draft.top_level.clone(),
            actor: self.actor.clone(),
            names_actor: true,
        };
        let mut copies = 1;
        for fault in self.strike() {
            match fault {
                LogFault::Late(delay) => event.appears_at = now.plus(delay),
                LogFault::Backdated(by) => event.at = before(now, by),
                LogFault::Lost => copies = 0,
                LogFault::Twice => copies *= 2,
                LogFault::Anonymous => event.names_actor = false,
                LogFault::NamesNobody => {
                    event.data = serde_json::json!({});
                    event.top_level = None;
                }
            }
        }
        for copy in 0..copies {
            if copy > 0 {
                self.serial += 1;
                event.serial = self.serial;
            }
            let place = (event.at, event.serial);
            self.events.insert(place, Arc::new(event.clone()));
        }
        while self.events.len() > MAX_EVENTS {
            self.events.pop_first();
        }
    }

    fn strike(&mut self) -> Vec<LogFault> {
        let struck = self.faults.iter_mut().filter_map(|armed| {
            armed.met += 1;
            armed.when.strikes(armed.met).then(|| armed.fault.clone())
        });
        struck.collect()
    }
}

fn before(time: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.millis().saturating_sub(millis))
}

/// Makes a text in the form of a UUID that does not reveal the order.
fn event_id(serial: u64) -> String {
    let mixed = xxhash_rust::xxh3::xxh3_128(&serial.to_be_bytes());
    let hex = format!("{mixed:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}
