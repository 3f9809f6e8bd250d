//! The worker with a real store and real receivers.

mod backfills;
mod batches;
mod failures;
mod flow;
mod lists;
mod memory;
mod orders;
mod running;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::deliver::endpoint::flow::{Backfilling, Flow};
use crate::deliver::tests::{
    Receiver, Reply, change, create, create_users, endpoint, name, open, options, role, start,
    until, user,
};
use crate::deliver::{EventFilter, Options};
use crate::model::{Change, Record, Seq, Timestamp};
use crate::signal::{ShutdownTrigger, shutdown};
use crate::store::{Cursor, Item, Parked, Progress};

/// A store in a folder of its own, a clock that stands still, and a shutdown that is not triggered.
struct Bench {
    folder: TempDir,
    store: Store,
    clock: Clock,
    shutdown: Shutdown,
    _trigger: ShutdownTrigger,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (trigger, shutdown) = shutdown();
        Self {
            store: open(folder.path()),
            folder,
            clock: Clock::stopped_at(start()),
            shutdown,
            _trigger: trigger,
        }
    }

    async fn worker(&self, endpoint: &Endpoint) -> Worker {
        self.worker_by(endpoint, &Feed::new(self.store.clone()))
            .await
    }

    /// Opens a worker that shares a feed with others.
    async fn worker_by(&self, endpoint: &Endpoint, feed: &Feed) -> Worker {
        let clock = self.clock.clone();
        Worker::open(endpoint, feed, clock, Metrics::default())
            .await
            .unwrap()
    }

    /// Starts again, as after a restart, and delivers what is due.
    async fn drain(&self, endpoint: &Endpoint) -> Drained {
        let worker = self.worker(endpoint).await;
        worker.drain(self.shutdown.clone()).await.unwrap()
    }

    /// Makes an endpoint known before anything happens.
    async fn meet(&self, endpoint: &Endpoint) {
        self.worker(endpoint).await;
    }

    fn cursor(&self) -> Cursor {
        self.store.cursor(&name()).unwrap().unwrap()
    }

    fn put(&self, cursor: Cursor) {
        let mut log = self.store.attempt_log(&name()).unwrap();
        let progress = Progress::of(cursor);
        self.store
            .save_progress(&name(), &mut log, progress)
            .unwrap();
    }

    fn order(&self, order: &Order) {
        self.store.order(&name(), order).unwrap();
    }

    /// Returns how many attempts the first deferred delivery has had, and when the next is due.
    fn deferred(&self) -> (u32, Option<Timestamp>) {
        let deferred = self.store.deferred(&name()).unwrap();
        let (_, first) = deferred.first().unwrap();
        (first.attempts, first.due)
    }

    fn probe_due(&self) -> Timestamp {
        self.cursor().trouble.unwrap().due
    }

    /// Lets time pass until something is due.
    fn pass(&self) {
        let deferred = self.store.deferred(&name()).unwrap();
        let due = deferred
            .iter()
            .filter_map(|(_, row)| row.due.filter(|_| !row.is_endpoints));
        let probe = self.cursor().trouble.map(|trouble| trouble.due);
        let next = due.chain(probe).min().unwrap();
        self.clock.set(next.max(self.clock.now()));
    }

    fn reopen(&mut self, path: &Path) {
        self.store.close().unwrap();
        self.store = open(path);
    }
}

fn drained(delivered: u64, parked: u64, waiting: u64) -> Drained {
    Drained {
        delivered,
        parked,
        waiting,
    }
}

/// Returns the parts of a cursor that say how far it is.
fn how_far(cursor: &Cursor) -> (u64, Vec<u64>) {
    let ahead = cursor.ahead.iter().map(|seq| seq.0).collect();
    (cursor.settled.0, ahead)
}

fn settled(seq: u64) -> (u64, Vec<u64>) {
    (seq, Vec::new())
}

fn sorted(mut sequences: Vec<u64>) -> Vec<u64> {
    sequences.sort_unstable();
    sequences
}

/// Makes an endpoint that gets one message at a time.
fn one_by_one(receiver: &Receiver) -> Endpoint {
    let one = NonZeroUsize::new(1).unwrap();
    flowing(receiver, |flow| flow.max_in_flight = one)
}

fn flowing(receiver: &Receiver, set: impl FnOnce(&mut Flow)) -> Endpoint {
    let mut options = options(receiver.address);
    set(&mut options.flow);
    Endpoint::new(options).unwrap()
}

/// Makes a change of a user that was created before.
fn renamed(number: u32, name: &str) -> Change {
    let before = user(number);
    let mut after = before.clone();
    if let Record::User(user) = &mut after {
        user.name = Some(name.to_owned());
    }
    Change::Updated { before, after }
}

#[tokio::test]
async fn events_arrive_once() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=1_000);

    assert_eq!(bench.drain(&endpoint).await, drained(1_000, 0, 0));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));

    let expected: Vec<_> = (1..=1_000).collect();
    assert_eq!(sorted(receiver.sequences()), expected);
    assert_eq!(how_far(&bench.cursor()), settled(1_000));
    let attempts = bench.store.attempts(&name(), 2_000, |_| true).unwrap();
    assert_eq!(attempts.len(), 1_000);
    assert_eq!((attempts[0].status, attempts[0].number), (Some(204), 1));
}

#[tokio::test]
async fn events_of_one_record_wait_for_one_another_and_others_do_not() {
    let bench = Bench::new();
    // The receiver answers the first event of user 1 only after both events of user 2.
    let (release, released) = tokio::sync::watch::channel(false);
    let receiver = Receiver::start(move |_, request| match request.sequence() {
        1 => Reply::OnRelease(released.clone(), 200),
        _ => Reply::Status(200),
    })
    .await;
    let endpoint = endpoint(receiver.address);
    let running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=2);
    change(
        &bench.store,
        [renamed(1, "A"), renamed(2, "B"), renamed(1, "C")],
    );
    running.wake.wake();

    until("the other user's events came", || {
        sorted(receiver.sequences()) == [1, 2, 4]
    })
    .await;
    until("what is settled is saved", || {
        how_far(&bench.cursor()) == (0, vec![2, 4])
    })
    .await;
    release.send(true).unwrap();
    until("all is settled", || how_far(&bench.cursor()) == settled(5)).await;

    running.end().await;
    let of_the_first: Vec<_> = receiver
        .sequences()
        .into_iter()
        .filter(|seq| [1, 3, 5].contains(seq))
        .collect();
    assert_eq!(of_the_first, [1, 3, 5]);
}

#[tokio::test]
async fn no_more_messages_are_under_way_than_the_endpoint_takes() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, _| Reply::Silence).await;
    let three = NonZeroUsize::new(3).unwrap();
    let endpoint = flowing(&receiver, |flow| flow.max_in_flight = three);
    let running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=20);
    running.wake.wake();

    until("three came", || receiver.received().len() == 3).await;
    running.end().await;

    assert_eq!(receiver.received().len(), 3);
    assert_eq!(how_far(&bench.cursor()), settled(0));
}

#[tokio::test]
async fn a_new_endpoint_starts_behind_what_is_there() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    create_users(&bench.store, 1..=3);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));
    create_users(&bench.store, 4..=5);
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(sorted(receiver.sequences()), [4, 5]);
}

#[tokio::test]
async fn a_cursor_beyond_the_journal_comes_back_to_its_end() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    create_users(&bench.store, 1..=3);
    bench.put(Cursor {
        settled: Seq(1_000),
        ..Cursor::default()
    });

    bench.meet(&endpoint).await;
    create_users(&bench.store, 4..=4);
    bench.drain(&endpoint).await;

    assert_eq!(receiver.sequences(), [4]);
}

#[tokio::test]
async fn the_filter_lets_the_cursor_pass() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = Endpoint::new(Options {
        events: EventFilter::parse(&["role.*"]).unwrap(),
        ..options(receiver.address)
    })
    .unwrap();
    bench.meet(&endpoint).await;
    create(&bench.store, [user(1), role(2), user(3), role(4), user(5)]);

    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(sorted(receiver.sequences()), [2, 4]);
    assert_eq!(how_far(&bench.cursor()), settled(5));
}

#[tokio::test]
async fn a_second_attempt_sends_the_same_at_another_time() {
    let mut bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 400 } else { 200 })).await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=1);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 1));

    let (attempts, due) = bench.deferred();
    let due = due.unwrap();
    assert_eq!((how_far(&bench.cursor()), attempts), (settled(1), 1));
    let wait = due.since(start());
    assert!((4.0..=6.0).contains(&wait.as_secs_f64()), "{wait:?}");

    // Looking too early and a restart do not change when something is due.
    let path = bench.folder.path().to_owned();
    bench.reopen(&path);
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 1));
    assert_eq!(bench.deferred(), (1, Some(due)));
    assert_eq!(receiver.received().len(), 1);

    bench.clock.set(due);
    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 0));

    assert_eq!(receiver.sequences(), [1, 1]);
    let [first, second] = receiver.received().try_into().unwrap();
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    for (request, time) in [(&first, start()), (&second, due)] {
        let seconds = time.seconds().to_string();
        assert_eq!(request.header("webhook-timestamp"), seconds);
    }
    assert_ne!(
        first.header("webhook-signature"),
        second.header("webhook-signature")
    );
}

#[tokio::test]
async fn a_crash_sends_again_what_was_not_settled_and_skips_none() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (_trigger, shutdown) = shutdown();
    let worker = bench.worker(&endpoint).await;
    create_users(&bench.store, 1..=3_000);
    drop(runtime.spawn(worker.run(Wake::default(), shutdown)));
    until("some came", || receiver.received().len() > 1_000).await;

    // Dropping the runtime writes nothing more, but waits for a write under way.
    let crash = tokio::task::spawn_blocking(move || drop(runtime));
    crash.await.unwrap();
    let came = receiver.received().len();
    let (settled, ahead) = how_far(&bench.cursor());
    bench.drain(&endpoint).await;

    let again = receiver.sequences()[came..].to_vec();
    let expected: Vec<_> = (settled + 1..=3_000)
        .filter(|seq| !ahead.contains(seq))
        .collect();
    assert_eq!(sorted(again), expected);
    let all: std::collections::BTreeSet<_> = receiver.sequences().into_iter().collect();
    assert_eq!(all.len(), 3_000);
}

#[tokio::test]
async fn attempts_are_kept_with_what_was_answered() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 404 } else { 200 })).await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=1);
    bench.drain(&endpoint).await;
    bench.pass();
    bench.drain(&endpoint).await;

    let attempts = bench.store.attempts(&name(), 9, |_| true).unwrap();

    let [second, first] = attempts.try_into().unwrap();
    assert_eq!((first.number, first.status), (1, Some(404)));
    let error = "deliver.rejected: the receiver answered 404: it does not accept the event";
    assert_eq!(first.error.as_deref(), Some(error));
    assert_eq!(
        (second.number, second.status, second.error),
        (2, Some(200), None)
    );
    assert_eq!(second.event_type, "user.created");
    assert_eq!(first.at, start());
    assert!(second.at > first.at);
}

/// A worker that runs, with the means to wake and to end it.
struct Running {
    wake: Wake,
    trigger: ShutdownTrigger,
    tasks: JoinSet<Result<(), DeliverError>>,
}

impl Running {
    async fn start(bench: &Bench, endpoint: &Endpoint) -> Self {
        let worker = bench.worker(endpoint).await;
        let (trigger, shutdown) = shutdown();
        let (wake, mut tasks) = (Wake::default(), JoinSet::new());
        tasks.spawn(worker.run(wake.clone(), shutdown));
        Self {
            wake,
            trigger,
            tasks,
        }
    }

    async fn end(mut self) {
        self.trigger.trigger();
        let ended = self.tasks.join_next().await.unwrap().unwrap();
        assert!(ended.is_ok(), "{ended:?}");
    }
}
