//! What is deleted after its time, what stays, and that disk space is freed.

mod beside;
mod clocks;
mod compaction;
mod histories;
mod retention;

use std::time::Duration;

use crate::model::{
    Change, EndpointName, Kind, Mode, Outcome, Run, RunId, Seq, TenantName, Timestamp, Trigger,
};
use crate::store::handle::Store;
use crate::store::kept::delivery::{DeliveryChange, Progress};
use crate::store::kept::maintenance::pass::{Done, MaintenancePass};
use crate::store::kept::maintenance::retention::Retention;
use crate::store::kept::runs::NewRun;
use crate::store::kept::tenants::Known;
use crate::store::values::commit::{Closing, Commit};
use crate::store::values::delivery::{Cursor, Deferred, Disabled, DisabledBy, Item, Parked};

use super::support::{self, account, record};

const DAY: i64 = 24 * 3600 * 1000;

const RETENTION: Retention = Retention {
    keep: Duration::from_secs(90 * 24 * 3600),
    keep_runs: 500,
};

fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + day * DAY)
}

fn hook(name: &str) -> EndpointName {
    EndpointName(name.into())
}

/// Commits an entry for each number, found on a given day.
fn commit(store: &Store, known: &Known, at: Timestamp, numbers: std::ops::Range<u32>) {
    let numbers: Vec<u32> = numbers.collect();
    for chunk in numbers.chunks(40) {
        let writes = chunk.iter().map(|number| {
            let name = format!("{number} as of {}", at.millis());
            let after = record(Kind::User, *number, &name);
            match store.get(known.no, &after.to_ref()).unwrap() {
                Some(kept) => support::change(Change::Updated {
                    before: kept.record,
                    after,
                }),
                None => support::created(after),
            }
        });
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: account(),
            writes: writes.collect(),
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
    }
}

/// A cursor, of an endpoint that is disabled or not.
fn cursor(settled: Seq, state: State) -> Cursor {
    Cursor {
        settled,
        disabled: match state {
            State::Enabled => None,
            State::Disabled => Some(Disabled {
                at: day(0),
                reason: "410".to_owned(),
                by: DisabledBy::Failures,
            }),
        },
        ..Cursor::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Enabled,
    Disabled,
}

fn settle(store: &Store, endpoint: &EndpointName, settled: Seq, row: Option<DeliveryChange>) {
    let cursor = cursor(settled, State::Enabled);
    put(store, endpoint, cursor, row);
}

/// Writes what an endpoint's worker would write.
fn put(
    store: &Store,
    endpoint: &EndpointName,
    cursor: Cursor,
    changes: impl IntoIterator<Item = DeliveryChange>,
) {
    let mut log = store.attempt_log(endpoint).unwrap();
    let progress = Progress {
        changes: changes.into_iter().collect(),
        ..Progress::of(cursor)
    };
    store.save_progress(endpoint, &mut log, progress).unwrap();
}

fn park(seq: Seq) -> DeliveryChange {
    DeliveryChange::Park(Parked {
        item: Item::Entry(seq),
        reason: "500".to_owned(),
        at: day(0),
        attempts: 3,
    })
}

fn defer(seq: Seq) -> DeliveryChange {
    let deferred = Deferred {
        entity: seq.0,
        after: None,
        attempts: 1,
        due: None,
        is_endpoints: false,
        is_alone: false,
    };
    DeliveryChange::Defer(Item::Entry(seq), deferred)
}

fn pass(store: &Store, endpoints: &[&EndpointName], now: Timestamp) -> Done {
    let endpoints = endpoints.iter().map(|name| (*name).clone()).collect();
    MaintenancePass::new(store.clone(), RETENTION, endpoints, now)
        .finish()
        .unwrap()
}

fn dismiss(store: &Store, endpoint: &EndpointName, seq: Seq) {
    store.dismiss(endpoint, &[Item::Entry(seq)]).unwrap();
}

fn begin(store: &Store, tenant: &str, trigger: Trigger, at: Timestamp) -> Run {
    let new = NewRun {
        tenant_name: TenantName(tenant.to_owned()),
        tenant: None,
        trigger,
        mode: Mode::Commit,
        started_at: at,
    };
    store.begin_run(new).unwrap()
}

fn run(store: &Store, tenant: &str, trigger: Trigger, outcome: Outcome, at: Timestamp) -> Run {
    let run = begin(store, tenant, trigger, at);
    let ended = Run {
        outcome,
        ended_at: Some(at),
        ..run
    };
    store.save_run(&ended).unwrap();
    ended
}
