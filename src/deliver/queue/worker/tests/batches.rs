//! Several events in one message.

use super::*;
use crate::deliver::{Batching, EventSource, Format, Mode};
use crate::model::User;

fn batching(receiver: &Receiver, max: usize) -> Endpoint {
    let mut options = options(receiver.address);
    options.format = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max,
            wait: Duration::from_secs(1),
            ..Batching::default()
        }),
        source: EventSource::default(),
    };
    Endpoint::new(options).unwrap()
}

/// Returns the sequences in each batch that came.
fn batches(receiver: &Receiver) -> Vec<Vec<u64>> {
    let requests = receiver.received();
    requests
        .iter()
        .map(|request| inside(&request.body))
        .collect()
}

fn inside(body: &[u8]) -> Vec<u64> {
    let events: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap();
    let sequence = |event: &serde_json::Value| event["sequence"].as_str().unwrap().parse().unwrap();
    events.iter().map(sequence).collect()
}

#[tokio::test]
async fn batches_are_filled_and_keep_a_record_in_order() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = batching(&receiver, 100);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=240);
    change(
        &bench.store,
        (1..=5).map(|n| renamed(7, &format!("Name {n}"))),
    );

    assert_eq!(bench.drain(&endpoint).await, drained(245, 0, 0));

    let came = batches(&receiver);
    assert!(came.len() <= 4, "{} messages", came.len());
    assert!(came.iter().all(|batch| batch.len() <= 100));
    let all: Vec<u64> = came.iter().flatten().copied().collect();
    assert_eq!(sorted(all.clone()), (1..=245).collect::<Vec<_>>());
    let of_seven: Vec<u64> = all
        .into_iter()
        .filter(|seq| *seq == 7 || *seq > 240)
        .collect();
    assert_eq!(of_seven, [7, 241, 242, 243, 244, 245]);
}

#[tokio::test]
async fn a_batch_that_is_refused_is_taken_apart() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| {
        Reply::Status(if inside(&request.body).contains(&3) {
            400
        } else {
            200
        })
    })
    .await;
    let endpoint = batching(&receiver, 100);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=5);

    assert_eq!(bench.drain(&endpoint).await, drained(4, 0, 1));

    let came = batches(&receiver);
    assert_eq!(came[0].len(), 5);
    assert!(came[1..].iter().all(|batch| batch.len() == 1), "{came:?}");
    assert_eq!(bench.deferred().0, 1);
    // The event has had its one attempt alone; the batch did not count as an attempt of any event.
    assert_eq!(came.len(), 6);
}

/// Starts a receiver that accepts bodies up to this many bytes.
async fn taking(most: usize) -> Receiver {
    Receiver::start(move |_, request| {
        Reply::Status(if request.body.len() > most { 413 } else { 204 })
    })
    .await
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_at_once_and_the_size_is_remembered() {
    let bench = Bench::new();
    let receiver = taking(20_000).await;
    let endpoint = batching(&receiver, 100);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=400);

    assert_eq!(bench.drain(&endpoint).await, drained(400, 0, 0));

    let requests = receiver.received();
    let (refused, taken): (Vec<_>, Vec<_>) = requests
        .iter()
        .partition(|request| request.body.len() > 20_000);
    // These were under way at the same time, or they find out which size is accepted.
    assert!(refused.len() <= 12, "{} were refused", refused.len());
    assert!(taken.len() <= 80, "{} were taken", taken.len());
    let all: Vec<u64> = taken.iter().flat_map(|it| inside(&it.body)).collect();
    assert_eq!(sorted(all), (1..=400).collect::<Vec<_>>());
    let attempts = bench.store.attempts(&name(), 1_000, |_| true).unwrap();
    assert!(attempts.iter().all(|attempt| attempt.number == 1));
    assert!(attempts.iter().all(|attempt| attempt.status == Some(204)));
}

#[tokio::test]
async fn half_of_a_batch_that_was_refused_is_tried_as_it_is() {
    let bench = Bench::new();
    create_users(&bench.store, 1..=100);
    let receiver = Receiver::accepting().await;
    let endpoint = batching_up_to(&receiver, 1 << 20);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 101..=200);
    assert_eq!(bench.drain(&endpoint).await, drained(100, 0, 0));
    let whole = receiver.received().iter().map(|it| it.body.len()).max();

    let bench = Bench::new();
    let receiver = taking(whole.unwrap() - 1).await;
    let endpoint = batching_up_to(&receiver, 1 << 20);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 101..=200);
    assert_eq!(bench.drain(&endpoint).await, drained(100, 0, 0));

    let requests = receiver.received();
    let sizes: Vec<_> = requests.iter().map(|it| inside(&it.body).len()).collect();
    assert_eq!(sizes, [100, 50, 50]);
}

#[tokio::test]
async fn a_batch_is_as_large_as_the_configuration_allows() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let mut options = options(receiver.address);
    options.format = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max_bytes: 5_000,
            ..Batching::default()
        }),
        source: EventSource::default(),
    };
    let endpoint = Endpoint::new(options).unwrap();
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=50);

    assert_eq!(bench.drain(&endpoint).await, drained(50, 0, 0));

    let requests = receiver.received();
    assert!(requests.iter().all(|request| request.body.len() <= 5_000));
    assert!(requests.len() < 50, "{} requests", requests.len());
}

/// Makes an endpoint that gets one batch at a time, at once, of up to this many bytes.
fn batching_up_to(receiver: &Receiver, max_bytes: usize) -> Endpoint {
    let mut options = options(receiver.address);
    options.flow.max_in_flight = NonZeroUsize::new(1).unwrap();
    options.format = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max: 100,
            max_bytes,
            wait: Duration::ZERO,
        }),
        source: EventSource::default(),
    };
    Endpoint::new(options).unwrap()
}

#[tokio::test]
async fn a_batch_is_split_from_one_byte_too_many_on() {
    let mut whole = usize::MAX;
    for (spare, expected) in [(0, vec![2]), (0, vec![2]), (1, vec![1, 1])] {
        let bench = Bench::new();
        let receiver = Receiver::accepting().await;
        let endpoint = batching_up_to(&receiver, whole - spare);
        bench.meet(&endpoint).await;
        create_users(&bench.store, 1..=2);

        assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

        let lengths: Vec<_> = batches(&receiver).iter().map(Vec::len).collect();
        assert_eq!(lengths, expected, "{whole} less {spare}");
        if spare == 0 {
            whole = receiver.received()[0].body.len();
        }
    }
}

#[tokio::test]
async fn what_a_receiver_took_it_is_sent_again_as_a_whole_after_it_refused_more() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| {
        Reply::Status(if inside(&request.body).len() > 3 {
            413
        } else {
            204
        })
    })
    .await;
    let endpoint = batching_up_to(&receiver, usize::MAX);
    let worker = bench.worker(&endpoint).await;
    let (trigger, end) = shutdown();
    let wake = Wake::default();
    let mut running = JoinSet::new();
    running.spawn(worker.run(wake.clone(), end));

    let mut n_events = 0;
    // The names of the first three events are longer, so that the last three have no more bytes
    // than were accepted before.
    for (n, name) in [(3, "A rather long name"), (4, "A"), (3, "A")] {
        let users = (1..=n).map(|n| match user(n) {
            Record::User(user) => Record::User(User {
                name: Some(name.to_owned()),
                ..user
            }),
            other => other,
        });
        create(&bench.store, users);
        wake.wake();
        n_events += n as usize;
        let taken = || batches(&receiver).into_iter().filter(|it| it.len() <= 3);
        until("they are delivered", || {
            taken().flatten().count() == n_events
        })
        .await;
    }
    trigger.trigger();
    running.join_all().await;

    let lengths: Vec<_> = batches(&receiver).iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 4, 2, 2, 3]);
}

#[tokio::test]
async fn what_is_left_of_a_batch_when_its_receiver_breaks_down_waits_as_a_whole() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, request| {
        Reply::Status(match (n, inside(&request.body).len()) {
            (0 | 1, _) => 413,
            (2, _) => 204,
            _ => 503,
        })
    })
    .await;
    let endpoint = batching_up_to(&receiver, usize::MAX);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=8);

    let outcome = bench.drain(&endpoint).await;

    let lengths: Vec<_> = batches(&receiver).iter().map(Vec::len).collect();
    let n_taken = lengths[2];
    let n_left = 8 - n_taken as u64;
    assert_eq!(
        lengths,
        [8, 4, n_taken, n_taken],
        "a part was taken, one was not"
    );
    assert!(n_left > n_taken as u64, "and others were to come");
    assert_eq!(outcome, drained(n_taken as u64, 0, n_left));
    let waiting = bench.store.deferred(&name()).unwrap();
    assert_eq!(waiting.len() as u64, n_left);
}

#[tokio::test]
async fn an_event_that_is_too_large_by_itself_is_refused_by_itself() {
    let bench = Bench::new();
    let receiver = taking(10).await;
    let endpoint = batching(&receiver, 100);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=3);

    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 3));

    let attempts = bench.store.attempts(&name(), 9, |_| true).unwrap();
    let errors: Vec<_> = attempts
        .iter()
        .filter_map(|it| it.error.as_deref())
        .collect();
    assert_eq!(errors.len(), 3);
    let is_named =
        |error: &&str| error.starts_with("deliver.too-large: ") && error.contains(" bytes ");
    assert!(errors.iter().all(is_named), "{errors:?}");
}
