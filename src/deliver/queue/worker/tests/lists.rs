//! Lists of users beside entries, each of whom gets an event of their own.

use std::collections::BTreeSet;

use super::*;
use crate::deliver::Lists;
use crate::deliver::queue::pending_delivery::PendingDelivery;
use crate::deliver::queue::state::Ended;
use crate::deliver::tests::grant;
use crate::deliver::transport::verdict::Verdict;
use crate::store::{Expansion, MaintenancePass, Retention, USERS_IN_PART};

/// The most deliveries that this endpoint may have read ahead, and the users of one part more.
const MOST_AHEAD: usize = 512 + USERS_IN_PART;

/// The most users who may be settled behind one who is not, and what was read ahead of them.
const MOST_BEYOND: usize = 4_096 + MOST_AHEAD;

fn expanding(receiver: &Receiver) -> Endpoint {
    flowing(receiver, |flow| flow.lists = Lists::Expanded)
}

/// Reads what a worker wants to read ahead. Returns how many parts of a list that was.
fn read_ahead(worker: &mut Worker, feed: &Feed) -> usize {
    let endpoint = worker.dispatcher.endpoint.clone();
    let mut n_parts = 0;
    while let Some(from) = worker.unread() {
        n_parts += usize::from(matches!(from, ReadPosition::Members { .. }));
        let page = reader::read(feed, &endpoint, from).unwrap();
        worker.state.take(page, start());
    }
    n_parts
}

/// Takes the deliveries of some messages that may be sent now.
fn take_some(worker: &mut Worker) -> Vec<PendingDelivery> {
    let mut taken = Vec::new();
    while taken.len() < 100 && worker.state.may_send(start()) {
        let next = worker.state.next(1, start());
        if next.is_empty() {
            break;
        }
        taken.extend(next);
    }
    taken
}

/// Makes a delivery succeed.
fn settle(worker: &mut Worker, delivery: PendingDelivery) {
    let began = Instant::now();
    worker.state.came_back(1);
    let ended = Ended {
        deliveries: vec![delivery],
        event_types: vec!["access.granted"],
        at: start(),
        began,
        took: Duration::ZERO,
        answer: String::new(),
        verdict: Verdict::Delivered { status: 204 },
    };
    worker.state.ended(ended, start(), began);
}

/// Returns the number of a user in a list.
fn number(delivery: &PendingDelivery) -> u64 {
    match delivery.item {
        Item::Member { number, .. } => number,
        Item::Entry(_) | Item::Snapshot { .. } => panic!("{delivery:?}"),
    }
}

#[tokio::test]
async fn however_long_a_list_is_only_its_next_parts_are_in_memory() {
    let receiver = Receiver::accepting().await;
    let endpoint = expanding(&receiver);
    let mut peaks = BTreeSet::new();
    for n_users in [2_000, 20_000] {
        let bench = Bench::new();
        let feed = Feed::new(bench.store.clone());
        drop(bench.worker_by(&endpoint, &feed).await);
        grant(&bench.store, n_users);
        let mut worker = bench.worker_by(&endpoint, &feed).await;
        let (mut numbers, mut most_parts, mut most, mut most_bytes) = (Vec::new(), 0, 0, 0);

        loop {
            most_parts = most_parts.max(read_ahead(&mut worker, &feed));
            most = most.max(worker.state.lanes.len());
            most_bytes = most_bytes.max(feed.used());
            let some = take_some(&mut worker);
            if some.is_empty() {
                break;
            }
            numbers.extend(some.iter().map(number));
            for delivery in some {
                settle(&mut worker, delivery);
            }
            worker.state.progress();
        }

        assert!(numbers.into_iter().eq(0..n_users as u64), "in order");
        assert!(
            most_parts <= MOST_AHEAD.div_ceil(USERS_IN_PART),
            "{most_parts}"
        );
        assert!(most <= MOST_AHEAD, "{most}");
        peaks.insert((most_parts, most, most_bytes));
        let cursor = worker.state.cursor();
        assert_eq!((how_far(&cursor), cursor.expansion), (settled(1), None));
    }
    assert_eq!(peaks.len(), 1, "it depends on the list: {peaks:?}");
}

#[tokio::test]
async fn behind_a_user_whose_event_is_not_answered_a_list_goes_on_only_so_far() {
    const MANY: usize = 8_000;
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = expanding(&receiver);
    let feed = Feed::new(bench.store.clone());
    drop(bench.worker_by(&endpoint, &feed).await);
    grant(&bench.store, MANY);
    let mut worker = bench.worker_by(&endpoint, &feed).await;
    let (mut open, mut told) = (Vec::new(), BTreeSet::new());
    loop {
        read_ahead(&mut worker, &feed);
        let some = take_some(&mut worker);
        if some.is_empty() {
            break;
        }
        for delivery in some {
            match number(&delivery) {
                7 => open.push(delivery),
                number => {
                    assert!(told.insert(number), "{number} twice");
                    settle(&mut worker, delivery);
                }
            }
        }
        worker.state.progress();
    }

    assert!(
        (4_096..=MOST_BEYOND).contains(&told.len()),
        "{}",
        told.len()
    );
    let cursor = worker.state.cursor();
    let expansion = cursor.expansion.clone().unwrap();
    assert_eq!(expansion.settled, Some(6));
    assert_eq!(expansion.beyond.len(), told.len() - 7);

    // After a kill, the one who is open comes again, then those who never came.
    bench.put(cursor);
    let mut worker = bench.worker_by(&endpoint, &feed).await;
    let mut rest = Vec::new();
    loop {
        read_ahead(&mut worker, &feed);
        let some = take_some(&mut worker);
        if some.is_empty() {
            break;
        }
        rest.extend(some.iter().map(number));
        for delivery in some {
            settle(&mut worker, delivery);
        }
        worker.state.progress();
    }
    let expected = (0..MANY as u64).filter(|number| !told.contains(number));
    assert!(rest.iter().copied().eq(expected), "{rest:?}");
    assert_eq!(rest[0], 7);
}

#[tokio::test]
async fn what_is_left_of_a_list_that_was_deleted_is_over_and_what_follows_comes() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = expanding(&receiver);
    bench.meet(&endpoint).await;
    grant(&bench.store, 300);
    // It was disabled in the middle, for longer than events are kept.
    bench.put(Cursor {
        settled: Seq(1),
        expansion: Some(Expansion {
            entry: Seq(1),
            settled: Some(99),
            beyond: BTreeSet::new(),
        }),
        ..Cursor::default()
    });
    let retention = Retention {
        keep: Duration::ZERO,
        keep_runs: 1,
    };
    let later = start().plus(Duration::from_secs(1));
    let pass = MaintenancePass::new(bench.store.clone(), retention, Vec::new(), later);
    assert_eq!(pass.finish().unwrap().entries, 1);
    create_users(&bench.store, 1..=2);

    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    assert_eq!(sorted(receiver.sequences()), [2, 3]);
    let cursor = bench.cursor();
    assert_eq!((how_far(&cursor), cursor.expansion), (settled(3), None));
}
