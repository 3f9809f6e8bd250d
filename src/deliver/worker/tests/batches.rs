//! Several events in one message.

use super::*;
use crate::deliver::{Batching, EventSource, Format, Mode};

fn batching(receiver: &Receiver, max: usize) -> Endpoint {
    let mut options = options(receiver.address);
    options.format = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max,
            wait: Duration::from_secs(1),
        }),
        source: EventSource::default(),
    };
    Endpoint::new(options).unwrap()
}

/// The sequences in each batch that came.
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
    // It has had its one attempt alone; the batch was not held against anybody.
    assert_eq!(came.len(), 6);
}
