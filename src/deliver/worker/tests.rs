//! The worker with a real store and real receivers.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::deliver::tests::{
    Receiver, Reply, create, create_users, endpoint, name, open, options, role, start, until, user,
};
use crate::deliver::{EventFilter, Options, enable};
use crate::signal::{ShutdownTrigger, shutdown};
use crate::store::Cursor;

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

    async fn worker(&self, endpoint: &Endpoint, observer: Observer) -> Worker {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Worker::open(endpoint, store, clock, observer)
            .await
            .unwrap()
    }

    /// Starts anew, as after a restart, and delivers what is due.
    async fn drain(&self, endpoint: &Endpoint) -> Drained {
        let worker = self.worker(endpoint, Observer::none()).await;
        worker.drain(self.shutdown.clone()).await.unwrap()
    }

    /// Lets an endpoint be known before anything happens.
    async fn meet(&self, endpoint: &Endpoint) {
        self.worker(endpoint, Observer::none()).await;
    }

    fn cursor(&self) -> Cursor {
        self.store.cursor(&name()).unwrap().unwrap()
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

fn settled(seq: u64) -> Cursor {
    Cursor {
        settled: Seq(seq),
        ..Cursor::default()
    }
}

#[tokio::test]
async fn events_arrive_in_order_and_once() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=250);

    assert_eq!(bench.drain(&endpoint).await, drained(250, 0, 0));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));

    assert_eq!(receiver.sequences(), (1..=250).collect::<Vec<_>>());
    assert_eq!(bench.cursor(), settled(250));
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

    assert_eq!(receiver.sequences(), [4, 5]);
}

#[tokio::test]
async fn a_cursor_beyond_the_journal_comes_back_to_its_end() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    create_users(&bench.store, 1..=3);
    bench
        .store
        .set_cursor(&name(), &settled(1_000), None)
        .unwrap();

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

    assert_eq!(receiver.sequences(), [2, 4]);
    assert_eq!(bench.cursor(), settled(5));
}

#[tokio::test]
async fn a_second_attempt_sends_the_same_at_another_time() {
    let mut bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 500 } else { 200 })).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=2);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));

    let cursor = bench.cursor();
    let due = cursor.due.unwrap();
    assert_eq!((cursor.settled, cursor.attempt), (Seq(0), 1));
    let wait = due.since(start());
    assert!((4.0..=6.0).contains(&wait.as_secs_f64()), "{wait:?}");

    // Neither looking too early nor a restart changes what is due when.
    let path = bench.folder.path().to_owned();
    bench.reopen(&path);
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));
    assert_eq!(bench.cursor(), cursor);
    assert_eq!(receiver.received().len(), 1);

    bench.clock.set(due);
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(receiver.sequences(), [1, 1, 2]);
    let [first, second, _] = receiver.received().try_into().unwrap();
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
async fn an_event_that_never_arrives_is_parked_and_the_next_one_follows() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| {
        Reply::Status(if request.sequence() == 1 { 500 } else { 200 })
    })
    .await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=2);

    for failed in 1..=9 {
        assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));
        assert_eq!(bench.cursor().attempt, failed);
        bench.clock.set(bench.cursor().due.unwrap());
    }
    assert_eq!(bench.drain(&endpoint).await, drained(1, 1, 0));

    let parked = Parked {
        seq: Seq(1),
        reason: "deliver.receiver-failed: the receiver answered 500: it failed".into(),
        at: bench.clock.now(),
        attempts: 10,
    };
    assert_eq!(bench.store.parked(&name(), 10).unwrap(), [parked]);
    assert_eq!(receiver.sequences(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(bench.cursor(), settled(2));
    let hours = bench.clock.now().since(start()).as_secs_f64() / 3600.0;
    assert!((60.0..91.0).contains(&hours), "{hours}");
}

#[tokio::test]
async fn gone_disables_until_the_endpoint_is_brought_back() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 1 { 410 } else { 200 })).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=3);

    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 2));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));
    let disabled = bench.cursor().disabled.unwrap();
    let reason = "deliver.gone: the receiver answered 410: it wants no more events [url ";
    assert!(disabled.starts_with(reason), "{disabled}");
    assert_eq!(bench.cursor().settled, Seq(1));

    assert!(enable(&bench.store, &name()).unwrap());
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(receiver.sequences(), [1, 2, 2, 3]);
    assert_eq!(bench.store.parked(&name(), 10).unwrap(), []);
    assert!(!enable(&bench.store, &name()).unwrap());
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

    assert_eq!(gone.sequences(), [1]);
    assert_eq!(moved.sequences(), [1, 2]);
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

        let wait = bench.cursor().due.unwrap().since(start()).as_secs_f64();
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
    let cursor = Cursor {
        attempt: 3,
        due: Some(years),
        ..Cursor::default()
    };
    create_users(&bench.store, 1..=1);
    bench.store.set_cursor(&name(), &cursor, None).unwrap();

    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 0));
}

#[tokio::test]
async fn a_crash_after_an_answer_sends_at_most_fifty_again_and_skips_none() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=300);
    let crash = Observer::new(|attempted| {
        if attempted.seq == Seq(255) {
            resume_unwind(Box::new("the process dies here"));
        }
    });

    let worker = bench.worker(&endpoint, crash).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(worker.drain(bench.shutdown.clone()));
    let ended = tasks.join_next().await.unwrap();

    assert!(ended.unwrap_err().is_panic());
    assert_eq!(receiver.sequences(), (1..=255).collect::<Vec<_>>());
    let Seq(last) = bench.cursor().settled;
    assert!((205..255).contains(&last), "{last}");

    bench.drain(&endpoint).await;

    let again: Vec<_> = (1..=255).chain(last + 1..=300).collect();
    assert_eq!(receiver.sequences(), again);
    let requests = receiver.received();
    let nth = usize::try_from(last).unwrap();
    assert_eq!(requests[nth].body, requests[255].body);
}

#[tokio::test]
async fn attempts_are_told_as_they_end() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 1 { 404 } else { 200 })).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=2);
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let observer = move || {
        let notes = Arc::clone(&notes);
        Observer::new(move |attempted| {
            let code = attempted.verdict.failure().map(Failure::code);
            let event = (attempted.event_type.to_owned(), attempted.seq.0);
            notes.lock().unwrap().push((event, attempted.attempt, code));
        })
    };

    for _ in 0..2 {
        let worker = bench.worker(&endpoint, observer()).await;
        worker.drain(bench.shutdown.clone()).await.unwrap();
        bench.clock.set(start().plus(Duration::from_secs(6)));
    }

    let event = |seq| ("user.created".to_owned(), seq);
    assert_eq!(
        *told.lock().unwrap(),
        [
            (event(1), 1, None),
            (event(2), 1, Some("deliver.rejected")),
            (event(2), 2, None),
        ]
    );
}

/// A worker that runs, with the means to wake and to end it.
struct Running {
    wake: Wake,
    trigger: ShutdownTrigger,
    tasks: JoinSet<Result<(), RunError>>,
}

impl Running {
    async fn start(bench: &Bench, endpoint: &Endpoint) -> Self {
        let worker = bench.worker(endpoint, Observer::none()).await;
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
    let running = Running::start(&bench, &endpoint(receiver.address)).await;

    create_users(&bench.store, 1..=1);
    running.wake.wake();
    until("the first event is settled", || {
        bench.cursor() == settled(1)
    })
    .await;

    create_users(&bench.store, 2..=3);
    running.wake.wake();
    until("the second has failed", || bench.cursor().attempt == 1).await;
    bench.clock.set(bench.cursor().due.unwrap());
    running.wake.wake();
    until("all is settled", || bench.cursor() == settled(3)).await;

    running.end().await;
    assert_eq!(receiver.sequences(), [1, 2, 2, 3]);
}

#[tokio::test]
async fn a_running_worker_notices_that_its_endpoint_was_brought_back() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 410 } else { 200 })).await;
    let running = Running::start(&bench, &endpoint(receiver.address)).await;
    create_users(&bench.store, 1..=1);
    running.wake.wake();
    until("it is disabled", || bench.cursor().disabled.is_some()).await;

    assert!(enable(&bench.store, &name()).unwrap());
    running.wake.wake();

    until("it is settled", || bench.cursor() == settled(1)).await;
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
    let endpoint = endpoint(receiver.address);
    let running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=5);
    running.wake.wake();
    until("four requests came", || receiver.received().len() == 4).await;

    running.end().await;

    assert_eq!(bench.cursor(), settled(3));
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));
    assert_eq!(receiver.sequences(), [1, 2, 3, 4, 4, 5]);
}

#[tokio::test]
async fn what_was_answered_is_saved_while_a_slow_answer_is_waited_for() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| match n {
        2 => Reply::Silence,
        _ => Reply::Status(200),
    })
    .await;
    let running = Running::start(&bench, &endpoint(receiver.address)).await;
    create_users(&bench.store, 1..=3);
    running.wake.wake();

    until("the first two are saved", || bench.cursor() == settled(2)).await;

    running.end().await;
}
