//! When the loop of a tenant runs, in a time that stands still between two steps.

use std::ops::RangeInclusive;
use std::sync::Mutex;

use chrono_tz::Tz;

use super::*;
use crate::clock::Clock;
use crate::connector::{FetchError, Page, Sweep};
use crate::model::{
    Bulletin, ConnectionName, Finding, Kind, Observed, RecordRef, Tenant, TenantName, Timestamp,
    Traffic,
};
use crate::signal;
use crate::store::Store;
use crate::sync::{Claimant, Claims, Observer, Rank, Rules, Runner};

/// A tenant that is never read, and notes when it is asked.
struct Down {
    clock: Clock,
    asked_at: Arc<Mutex<Vec<Timestamp>>>,
}

/// What nobody opens.
struct Nothing;

fn down() -> FetchError {
    FetchError::TooManyPages {
        doing: "reading nothing",
        limit: 0,
    }
}

impl Sweep for Nothing {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        Err(down())
    }

    async fn recount(&mut self) -> Result<Option<u64>, FetchError> {
        Err(down())
    }
}

impl Connector for Down {
    type Sweep = Nothing;

    async fn identify(&self) -> Result<Tenant, FetchError> {
        self.asked_at.lock().unwrap().push(self.clock.now());
        Err(down())
    }

    fn sweep(&self, _: Kind) -> Nothing {
        Nothing
    }

    fn sweep_for(&self, _: &RecordRef) -> Option<Nothing> {
        None
    }

    async fn fetch(&self, _: &RecordRef) -> Result<Option<Result<Observed, Finding>>, FetchError> {
        Err(down())
    }

    async fn news(&self, _: RangeInclusive<Timestamp>) -> Result<Bulletin, FetchError> {
        Err(down())
    }

    fn take_traffic(&self) -> Traffic {
        Traffic::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_fails_is_tried_again_within_minutes_and_then_every_hour() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap().store;
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
    let began = clock.now();
    let asked_at = Arc::new(Mutex::new(Vec::new()));
    let connector = Arc::new(Down {
        clock: clock.clone(),
        asked_at: Arc::clone(&asked_at),
    });
    let claimant = Claimant {
        name: TenantName("acme".to_owned()),
        connection: ConnectionName("test".to_owned()),
        rank: Rank::Named,
        host: "acme.eu.qlikcloud.com".to_owned(),
    };
    let claim = Claims::new(1).of(claimant.clone());
    let job = Arc::new(Job::new(
        claimant.name.clone(),
        connector,
        store,
        clock.clone(),
        Observer::new(|_| {}),
        Rules::default(),
        claim,
    ));
    let worker = Worker {
        linked: Arc::new(Linked::new(claimant, None, Runner::of(Arc::clone(&job)))),
        job,
        schedule: Schedule::parse("7d", Tz::UTC).unwrap(),
        jitter: Duration::ZERO,
    };
    let (end, ended) = signal::shutdown();
    let minutes = 5 * 60;

    let time = async {
        for _ in 0..minutes * 2 {
            tokio::time::sleep(Duration::from_secs(30)).await;
            clock.set(clock.now().plus(Duration::from_secs(30)));
        }
        end.trigger();
    };
    let (result, ()) = tokio::join!(worker.run(ended), time);

    result.unwrap();
    let asked_at = asked_at.lock().unwrap();
    let waits: Vec<u64> = std::iter::once(&began)
        .chain(asked_at.iter())
        .zip(asked_at.iter())
        .map(|(before, after)| after.since(*before).as_secs() / 60)
        .collect();
    assert_eq!(waits[..7], [0, 1, 2, 4, 8, 16, 32]);
    assert!(waits[7..].iter().all(|wait| *wait == 60), "{waits:?}");
    assert!(waits.len() > 9, "{waits:?}");
}
