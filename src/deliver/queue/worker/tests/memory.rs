//! Large records, and endpoints that accept nothing for a while.

use super::*;
use crate::deliver::queue::weight;
use crate::deliver::tests::plain_user;
use crate::deliver::{Batching, EventSource, Format, Mode};
use crate::model::{GroupId, Id, User};
use crate::store::Store;

/// A bound that some twenty of the large users fill.
const LIMIT: usize = 4 * 1024 * 1024;

/// Makes a user in a thousand groups.
fn large(number: u32) -> Record {
    let groups = (0..1_000).map(|n| {
        let id = Id::parse(&format!("7000000000000000{n:08x}")).unwrap();
        (GroupId(id), format!("A group with a long name, number {n}"))
    });
    Record::User(User {
        groups: Some(groups.collect()),
        ..plain_user(number)
    })
}

fn fill(store: &Store, n: u32) {
    for number in 1..=n {
        create(store, [large(number)]);
    }
}

fn named(name: &str, receiver: &Receiver, format: Format) -> Endpoint {
    Endpoint::new(Options {
        name: crate::model::EndpointName(name.to_owned()),
        format,
        ..options(receiver.address)
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_endpoints_and_large_records_keep_to_one_bound() {
    let bench = Bench::new();
    let batch = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max: 100,
            wait: Duration::from_millis(1),
            ..Batching::default()
        }),
        source: EventSource::default(),
    };
    let receiver = Receiver::start(|_, _| Reply::Silence).await;
    let feed = Feed::of(bench.store.clone(), LIMIT);
    let endpoints: Vec<_> = ["a", "b", "c", "d"]
        .map(|name| named(name, &receiver, Format::Standard))
        .into_iter()
        .chain([named("batches", &receiver, batch)])
        .collect();
    for endpoint in &endpoints {
        drop(bench.worker_by(endpoint, &feed).await);
    }
    fill(&bench.store, 200);
    let each = weight::of_record(&large(1));
    assert!(200 * each > 4 * LIMIT, "{each}");
    let (trigger, end) = shutdown();
    let mut running = JoinSet::new();
    for endpoint in &endpoints {
        let worker = bench.worker_by(endpoint, &feed).await;
        running.spawn(worker.run(Wake::default(), end.clone()));
    }

    let mut most = 0;
    until("all have something under way", || {
        most = most.max(feed.used());
        receiver.received().len() >= endpoints.len()
    })
    .await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
        most = most.max(feed.used());
    }

    // Beyond the bound, each endpoint may have a page and one message, which in batches is as large
    // as a page.
    let beyond = endpoints.len() * 2 * each + 3 * 4 * 1024 * 1024;
    assert!(most <= LIMIT + beyond, "{most}");
    trigger.trigger();
    running.join_all().await;
}

#[tokio::test]
async fn what_did_not_fit_in_memory_is_delivered_anyway() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let feed = Feed::of(bench.store.clone(), 1);
    let endpoint = endpoint(receiver.address);
    drop(bench.worker_by(&endpoint, &feed).await);
    fill(&bench.store, 30);

    let worker = bench.worker_by(&endpoint, &feed).await;
    let drained = worker.drain(bench.shutdown.clone()).await.unwrap();

    assert_eq!(drained.delivered, 30);
    assert_eq!(sorted(receiver.sequences()), (1..=30).collect::<Vec<_>>());
    let bodies: Vec<_> = receiver.received().iter().map(|it| it.body.len()).collect();
    assert!(bodies.iter().all(|body| *body > 50_000), "{bodies:?}");
}

#[tokio::test]
async fn without_memory_one_message_of_an_endpoint_is_under_way() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, _| Reply::Silence).await;
    let feed = Feed::of(bench.store.clone(), 1);
    let endpoint = endpoint(receiver.address);
    drop(bench.worker_by(&endpoint, &feed).await);
    fill(&bench.store, 10);
    let mut worker = bench.worker_by(&endpoint, &feed).await;
    let page = reader::read(&feed, &endpoint, ReadPosition::Journal(Seq(0))).unwrap();
    let now = bench.clock.now();
    worker.state.take(page, now);
    assert_eq!(worker.state.lanes.n_ready(now), 10);

    worker.dispatch();

    assert_eq!(worker.attempts.len(), 1);
    until("it is under way", || receiver.received().len() == 1).await;
    worker.dispatch();
    assert_eq!(
        worker.attempts.len(),
        1,
        "it takes its room until it comes back"
    );
}
