//! The worker with a real store and real receivers.

mod batches;
mod orders;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::deliver::flow::{Backfilling, Flow};
use crate::deliver::tests::{
    Receiver, Reply, change, create, create_users, endpoint, name, open, options, role, start,
    until, user,
};
use crate::deliver::{EventFilter, Options};
use crate::model::{Change, Record, Seq, Timestamp};
use crate::signal::{ShutdownTrigger, shutdown};
use crate::store::{Cursor, Item, Parked, Progress};

/// A store in a folder of its own, a clock that stands, and no call to end.
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
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Worker::open(endpoint, store, clock, Metrics::default())
            .await
            .unwrap()
    }

    /// Starts anew, as after a restart, and delivers what is due.
    async fn drain(&self, endpoint: &Endpoint) -> Drained {
        let worker = self.worker(endpoint).await;
        worker.drain(self.shutdown.clone()).await.unwrap()
    }

    /// Lets an endpoint be known before anything happens.
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

    /// When the next attempt at the first deferred delivery is due, and after how many.
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

/// What of a cursor says how far it is.
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

/// An endpoint that gets one message at a time.
fn one_by_one(receiver: &Receiver) -> Endpoint {
    let one = NonZeroUsize::new(1).unwrap();
    flowing(receiver, |flow| flow.max_in_flight = one)
}

fn flowing(receiver: &Receiver, set: impl FnOnce(&mut Flow)) -> Endpoint {
    let mut options = options(receiver.address);
    set(&mut options.flow);
    Endpoint::new(options).unwrap()
}

/// A change of a user that was created before.
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
    // The first event of user 1 is not answered until both of user 2 were.
    let (release, released) = tokio::sync::watch::channel(false);
    let receiver = Receiver::start(move |_, request| match request.sequence() {
        1 => Reply::Held(released.clone(), 200),
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

    // Neither looking too early nor a restart changes what is due when.
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
async fn an_event_that_is_refused_is_parked_in_the_end_and_holds_only_its_own_record() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| {
        Reply::Status(if request.sequence() == 1 { 400 } else { 200 })
    })
    .await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=2);
    change(&bench.store, [renamed(1, "A"), renamed(2, "B")]);

    // The other user's events do not wait; the second of this one does.
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 2));
    assert_eq!(receiver.sequences(), [1, 2, 4]);
    assert_eq!(how_far(&bench.cursor()), settled(4));
    for failed in 2..=9 {
        bench.pass();
        assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2), "{failed}");
        assert_eq!(bench.deferred().0, failed);
    }
    bench.pass();
    assert_eq!(bench.drain(&endpoint).await, drained(1, 1, 0));

    let parked = Parked {
        item: Item::Entry(Seq(1)),
        reason: "deliver.rejected: the receiver answered 400: it does not accept the event".into(),
        at: bench.clock.now(),
        attempts: 10,
    };
    assert_eq!(bench.store.parked(&name(), None, 10).unwrap(), [parked]);
    assert_eq!(receiver.sequences()[3..], [1, 1, 1, 1, 1, 1, 1, 1, 1, 3]);
    assert_eq!(bench.store.deferred(&name()).unwrap(), []);
    let hours = bench.clock.now().since(start()).as_secs_f64() / 3600.0;
    assert!((60.0..91.0).contains(&hours), "{hours}");
}

#[tokio::test]
async fn an_endpoint_in_trouble_is_probed_and_then_gets_everything() {
    let bench = Bench::new();
    let (broken, is_broken) = tokio::sync::watch::channel(true);
    let receiver =
        Receiver::start(move |_, _| Reply::Status(if *is_broken.borrow() { 503 } else { 200 }))
            .await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=100);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 100));
    // What was under way when it began, and nothing more.
    assert_eq!(receiver.received().len(), 16);
    assert_eq!(bench.cursor().trouble.unwrap().probes, 1);

    let mut waits = Vec::new();
    for probes in 2..=12 {
        let due = bench.probe_due();
        waits.push(due.since(bench.clock.now()).as_secs_f64());
        bench.clock.set(due);
        assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 100));
        assert_eq!(bench.cursor().trouble.unwrap().probes, probes);
        assert_eq!(receiver.received().len(), 15 + probes as usize);
    }
    let nominal = [
        5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0, 300.0, 300.0,
    ];
    for (wait, nominal) in waits.iter().zip(nominal) {
        assert!((wait / nominal - 1.0).abs() < 0.21, "{waits:?}");
    }

    broken.send(false).unwrap();
    bench.clock.set(bench.probe_due());
    assert_eq!(bench.drain(&endpoint).await, drained(100, 0, 0));
    assert_eq!(bench.cursor().trouble, None);
    assert_eq!(how_far(&bench.cursor()), settled(100));
    assert_eq!(bench.store.deferred(&name()).unwrap(), []);
}

#[tokio::test]
async fn an_event_that_breaks_its_receiver_stops_the_others_but_once() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| {
        Reply::Status(if request.sequence() == 1 { 500 } else { 200 })
    })
    .await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=4);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 4));
    // Another event is the probe. It succeeds, so the trouble is the event's own.
    bench.clock.set(bench.probe_due());
    assert_eq!(bench.drain(&endpoint).await, drained(3, 0, 1));
    assert_eq!(bench.cursor().trouble, None);
    create_users(&bench.store, 5..=8);
    assert_eq!(bench.drain(&endpoint).await, drained(4, 0, 1));
    // Alone, it cannot be told from an endpoint in trouble.
    while let Some((_, first)) = bench.store.deferred(&name()).unwrap().first() {
        let probe = bench.cursor().trouble.map(|trouble| trouble.due);
        bench.clock.set(first.due.max(probe).unwrap());
        bench.drain(&endpoint).await;
    }

    assert_eq!(bench.store.parked(&name(), None, 9).unwrap().len(), 1);
    assert_eq!(how_far(&bench.cursor()), settled(8));
}

#[tokio::test]
async fn gone_disables_until_the_endpoint_is_brought_back() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 1 { 410 } else { 200 })).await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=3);

    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 2));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));
    let disabled = bench.cursor().disabled.unwrap();
    let reason = "deliver.gone: the receiver answered 410: it wants no more events";
    assert_eq!(disabled.reason, reason);
    let told = bench.store.entry(Seq(4)).unwrap().unwrap();
    assert_eq!(told.fact.event_type().as_deref(), Some("endpoint.disabled"));
    assert_eq!(told.origin, None);

    bench.order(&Order::Enable);
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    // An endpoint is not told of itself.
    assert_eq!(receiver.sequences(), [1, 2, 2, 3]);
    assert_eq!(bench.store.orders(&name()).unwrap(), []);
    assert_eq!(how_far(&bench.cursor()), settled(4));
}

#[tokio::test]
async fn five_days_of_nothing_but_failures_disable() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 200 } else { 500 })).await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=30);

    let mut passed = Vec::new();
    while bench.cursor().disabled.is_none() {
        bench.drain(&endpoint).await;
        passed.push(bench.clock.now().since(start()).as_secs());
        if bench.cursor().disabled.is_none() {
            bench.pass();
        }
    }

    let days = bench.clock.now().since(start()).as_secs_f64() / 86_400.0;
    assert!((5.0..5.01).contains(&days), "{days}");
    let reason = bench.cursor().disabled.unwrap().reason;
    assert!(
        reason.starts_with("nothing but failures since 2026-03-01"),
        "{reason}"
    );
    assert_eq!(bench.store.last_seq(), Seq(31));
}

#[tokio::test]
async fn another_url_brings_a_disabled_endpoint_back() {
    let bench = Bench::new();
    let gone = Receiver::start(|_, _| Reply::Status(410)).await;
    let moved = Receiver::accepting().await;
    let old = endpoint(gone.address);
    bench.meet(&old).await;
    create_users(&bench.store, 1..=2);
    assert_eq!(bench.drain(&old).await, drained(0, 0, 2));

    assert_eq!(
        bench.drain(&endpoint(moved.address)).await,
        drained(2, 0, 0)
    );

    assert_eq!(sorted(moved.sequences()), [1, 2]);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    for (asked, expected) in [
        ("7200", Some(7_200)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", Some(3_600)),
        ("99999999", Some(86_400)),
        // Less than the schedule's own wait speeds nothing up.
        ("1", None),
    ] {
        let bench = Bench::new();
        let receiver =
            Receiver::start(|_, _| Reply::With(429, "retry-after", asked.to_owned())).await;
        let endpoint = endpoint(receiver.address);
        bench.meet(&endpoint).await;
        create_users(&bench.store, 1..=1);

        bench.drain(&endpoint).await;

        let wait = bench.probe_due().since(start()).as_secs_f64();
        match expected {
            Some(seconds) => assert!((wait - f64::from(seconds)).abs() < 0.1, "{asked}: {wait}"),
            None => assert!((4.0..=6.0).contains(&wait), "{asked}: {wait}"),
        }
    }
}

#[tokio::test]
async fn a_due_time_of_a_wrong_clock_holds_nothing_back() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    let years = start().plus(Duration::from_secs(10 * 365 * 86_400));
    create_users(&bench.store, 1..=1);
    bench.put(Cursor {
        trouble: Some(crate::store::Trouble {
            probes: 3,
            due: years,
            reason: "x".into(),
        }),
        ..Cursor::default()
    });

    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 0));
}

#[tokio::test]
async fn a_replay_sends_again_and_a_dismissed_delivery_is_forgotten() {
    let bench = Bench::new();
    let (broken, is_broken) = tokio::sync::watch::channel(true);
    let receiver = Receiver::start(move |_, request| {
        Reply::Status(if *is_broken.borrow() && request.sequence() < 3 {
            404
        } else {
            200
        })
    })
    .await;
    let mut options = options(receiver.address);
    options.schedule = crate::deliver::Schedule::of([]);
    let endpoint = Endpoint::new(options).unwrap();
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=3);
    assert_eq!(bench.drain(&endpoint).await, drained(1, 2, 0));
    let parked = |seq| Item::Entry(Seq(seq));

    broken.send(false).unwrap();
    bench.store.dismiss(&name(), &[parked(2)]).unwrap();
    bench
        .store
        .replay(&name(), &[parked(1), parked(3)])
        .unwrap();
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(sorted(receiver.sequences()), [1, 1, 2, 3, 3]);
    assert_eq!(bench.store.parked(&name(), None, 9).unwrap(), []);
    assert_eq!(bench.store.replays(&name(), 9).unwrap(), []);
    let bodies: BTreeMap<_, _> = receiver
        .received()
        .iter()
        .map(|request| {
            (
                request.header("webhook-id").to_owned(),
                request.body.clone(),
            )
        })
        .collect();
    for request in receiver.received() {
        assert_eq!(bodies[request.header("webhook-id")], request.body);
    }
}

#[tokio::test]
async fn a_rewound_endpoint_gets_everything_behind_a_place_once_more() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 3 { 404 } else { 200 })).await;
    let endpoint = one_by_one(&receiver);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=5);
    assert_eq!(bench.drain(&endpoint).await, drained(4, 0, 1));

    bench.order(&Order::Rewind { to: Seq(2) });
    assert_eq!(bench.drain(&endpoint).await, drained(3, 0, 0));

    assert_eq!(receiver.sequences(), [1, 2, 3, 4, 5, 3, 4, 5]);
    assert_eq!(bench.store.deferred(&name()).unwrap(), []);
}

#[tokio::test]
async fn a_backfill_tells_what_is_known_and_then_what_happened_since() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = flowing(&receiver, |flow| flow.backfill = Backfilling::First);
    create(&bench.store, (1..=300).map(user).chain([role(1)]));
    bench.meet(&endpoint).await;
    create_users(&bench.store, 301..=302);

    assert_eq!(bench.drain(&endpoint).await, drained(305, 0, 0));

    let mut types = BTreeMap::new();
    for request in receiver.received() {
        let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let event_type = event["type"].as_str().unwrap().to_owned();
        *types.entry(event_type).or_insert(0) += 1;
    }
    // Those that were created after the mark may well be told of twice.
    let expected = [
        ("role.snapshot".to_owned(), 1),
        ("user.created".to_owned(), 2),
        ("user.snapshot".to_owned(), 302),
    ];
    assert_eq!(types, expected.into());
    assert_eq!(bench.cursor().backfill, None);
    assert_eq!(how_far(&bench.cursor()), settled(303));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));
}

#[tokio::test]
async fn a_backfill_goes_on_where_it_was_broken_off() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| match n {
        100..116 => Reply::Status(503),
        _ => Reply::Status(200),
    })
    .await;
    let endpoint = flowing(&receiver, |flow| flow.backfill = Backfilling::First);
    create_users(&bench.store, 1..=400);
    bench.meet(&endpoint).await;

    let first = bench.drain(&endpoint).await;
    assert!((100..400).contains(&first.delivered), "{first:?}");
    assert!(bench.cursor().backfill.is_some());
    while bench.cursor().backfill.is_some() {
        bench.pass();
        bench.drain(&endpoint).await;
    }

    let mut ids = BTreeMap::new();
    for request in receiver.received() {
        *ids.entry(request.header("webhook-id").to_owned())
            .or_insert(0) += 1;
    }
    assert_eq!(ids.len(), 400);
    let again: i32 = ids.values().map(|times| times - 1).sum();
    assert_eq!(again, 16, "what failed comes again, and nothing else");
}

#[tokio::test]
async fn a_crash_sends_again_what_was_not_settled_and_skips_none() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    let mut running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=3_000);
    running.wake.wake();
    until("some came", || receiver.received().len() > 1_000).await;

    // Nothing is written on the way out.
    running.tasks.abort_all();
    while running.tasks.join_next().await.is_some() {}
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
    tasks: JoinSet<Result<(), RunError>>,
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

#[tokio::test]
async fn a_running_worker_delivers_when_woken_and_saves_when_idle() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 1 { 503 } else { 200 })).await;
    let running = Running::start(&bench, &one_by_one(&receiver)).await;

    create_users(&bench.store, 1..=1);
    running.wake.wake();
    until("the first event is settled", || {
        how_far(&bench.cursor()) == settled(1)
    })
    .await;

    create_users(&bench.store, 2..=3);
    running.wake.wake();
    until("the second has failed", || bench.cursor().trouble.is_some()).await;
    bench.clock.set(bench.probe_due());
    running.wake.wake();
    until("all is settled", || {
        how_far(&bench.cursor()) == settled(3) && bench.store.deferred(&name()).unwrap().is_empty()
    })
    .await;

    running.end().await;
    assert_eq!(sorted(receiver.sequences()), [1, 2, 2, 3]);
}

#[tokio::test]
async fn a_running_worker_takes_up_orders() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 410 } else { 200 })).await;
    let running = Running::start(&bench, &one_by_one(&receiver)).await;
    create_users(&bench.store, 1..=1);
    running.wake.wake();
    until("it is disabled", || bench.cursor().disabled.is_some()).await;

    bench.order(&Order::Enable);
    running.wake.wake();

    until("it is settled", || {
        how_far(&bench.cursor()).0 >= 1 && bench.store.deferred(&name()).unwrap().is_empty()
    })
    .await;
    bench.order(&Order::Disable { at: start() });
    running.wake.wake();
    until("it is disabled again", || bench.cursor().disabled.is_some()).await;
    running.end().await;
}

#[tokio::test]
async fn the_end_settles_what_was_answered_and_leaves_what_was_not() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| match n {
        3 => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    let endpoint = one_by_one(&receiver);
    let running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=5);
    running.wake.wake();
    until("four requests came", || receiver.received().len() == 4).await;

    running.end().await;

    assert_eq!(how_far(&bench.cursor()), settled(3));
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));
    assert_eq!(receiver.sequences(), [1, 2, 3, 4, 4, 5]);
}

#[tokio::test]
async fn what_was_answered_is_saved_while_a_slow_answer_is_waited_for() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| match request.sequence() {
        1 => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    let running = Running::start(&bench, &endpoint(receiver.address)).await;
    create_users(&bench.store, 1..=3);
    running.wake.wake();

    until("the others are saved", || {
        how_far(&bench.cursor()) == (0, vec![2, 3])
    })
    .await;

    running.end().await;
}
