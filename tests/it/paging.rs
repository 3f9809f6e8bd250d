//! Lists that are longer than any single answer of the store.

use qlik_roster::model::{
    Account, Change, Fingerprint, Kind, Mode, Record, RunId, TenantName, Timestamp, Trigger,
};
use qlik_roster::store::{Closing, Commit, MAX_WRITES, NewRun, Store, Write};

use crate::support::World;

const EVENTS: u64 = 20_000;
const RUNS: u64 = 10_050;

/// Gives all users new names, again and again, until the journal has the given length.
fn rename_all(store: &Store) {
    let tenant = store.tenants().unwrap().remove(0);
    let kept = store.list(tenant.no, Kind::User, None, 500).unwrap();
    let mut users: Vec<_> = kept
        .into_iter()
        .map(|kept| (kept.record, kept.raw))
        .collect();
    let mut n_done = store.last_seq().0;
    while n_done < EVENTS {
        for chunk in users.chunks_mut(MAX_WRITES) {
            let mut writes = Vec::new();
            for (record, raw) in chunk.iter_mut() {
                if n_done == EVENTS {
                    break;
                }
                n_done += 1;
                let before = record.clone();
                if let Record::User(user) = record {
                    user.name = Some(format!("Name {n_done}"));
                }
                writes.push(Write::Change {
                    change: Change::Updated {
                        before,
                        after: record.clone(),
                    },
                    fingerprint: Fingerprint(u128::from(n_done).to_be_bytes()),
                    raw: raw.clone(),
                    reported: None,
                });
            }
            if !writes.is_empty() {
                let commit = Commit {
                    tenant: tenant.no,
                    run: RunId(1),
                    at: Timestamp::from_millis(1_800_000_000_000),
                    account: Account {
                        tenant: tenant.tenant.id.clone(),
                        name: tenant.tenant.name.clone(),
                        region: None,
                    },
                    writes,
                    closing: Closing::Nothing,
                };
                store.commit(commit).unwrap();
            }
        }
    }
}

/// Returns the numbers in the first column of CSV.
fn numbers(out: &str) -> Vec<u64> {
    let lines = out.lines().skip(1);
    lines
        .map(|line| {
            let cell = line.split(',').next().unwrap();
            cell.trim_start_matches("run-").parse().unwrap()
        })
        .collect()
}

async fn listed(world: &World, args: &[&str]) -> Vec<u64> {
    let (code, out, err) = world.command(&[args, &["--output", "csv"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    numbers(&out)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_events_are_listed_to_the_last_and_to_any_limit() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let store = world.store();
    rename_all(&store);
    store.close().unwrap();

    let all = listed(&world, &["events"]).await;
    assert!(all.iter().copied().eq((1..=EVENTS).rev()), "{}", all.len());
    let forward = listed(&world, &["events", "--after", "0"]).await;
    assert!(forward.into_iter().eq(1..=EVENTS));
    for limit in [1, 499, 500, 501, 1_000, 19_999] {
        let rows = listed(&world, &["events", "--limit", &limit.to_string()]).await;
        assert!(
            rows.into_iter().eq((EVENTS + 1 - limit..=EVENTS).rev()),
            "{limit}"
        );
    }
    let rest = listed(&world, &["events", "--after", "19998"]).await;
    assert_eq!(rest, [19_999, 20_000]);
    // After many empty answers.
    let (code, out, _) = world.command(&["events", "--type", "user.deleted"]).await;
    assert_eq!((code, out.trim_end()), (0, "No such event is on record."));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_runs_are_listed_to_the_last_and_to_any_limit() {
    let world = World::new().await;
    let store = world.store();
    for _ in 0..RUNS {
        let run = NewRun {
            tenant_name: TenantName("acme".to_owned()),
            tenant: None,
            trigger: Trigger::Schedule,
            mode: Mode::Commit,
            started_at: Timestamp::from_millis(1_800_000_000_000),
        };
        store.begin_run(run).unwrap();
    }
    let now = Timestamp::from_millis(1_800_000_001_000);
    store.close_interrupted_runs(now).unwrap();
    store.close().unwrap();

    for args in [&["runs"][..], &["runs", "--failed"]] {
        for limit in [1, 500, 501, 10_000, RUNS, RUNS + 1] {
            let limit_text = limit.to_string();
            let rows = listed(&world, &[args, &["--limit", &limit_text]].concat()).await;
            let first = (RUNS + 1).saturating_sub(limit).max(1);
            assert!(
                rows.into_iter().eq((first..=RUNS).rev()),
                "{args:?} {limit}"
            );
        }
        assert_eq!(listed(&world, args).await.len(), 50, "without a limit");
    }
}
