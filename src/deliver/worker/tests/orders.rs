//! Replays and orders in numbers, and while others are looked for.

use super::*;

/// An endpoint that gave up on so many events, and takes everything from now on.
async fn given_up(bench: &Bench, n_events: u32) -> (Receiver, Endpoint) {
    let (broken, is_broken) = tokio::sync::watch::channel(true);
    let status = move |_: usize, _: &_| {
        Reply::Status(match *is_broken.borrow() {
            true => 404,
            false => 200,
        })
    };
    let receiver = Receiver::start(status).await;
    let mut options = options(receiver.address);
    options.schedule = crate::deliver::Schedule::of([]);
    let endpoint = Endpoint::new(options).unwrap();
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=n_events);
    let n_parked = u64::from(n_events);
    assert_eq!(bench.drain(&endpoint).await, drained(0, n_parked, 0));
    broken.send(false).unwrap();
    (receiver, endpoint)
}

fn parked(bench: &Bench) -> Vec<Item> {
    let parked = bench.store.parked(&name(), None, 1_000).unwrap();
    parked.into_iter().map(|parked| parked.item).collect()
}

#[tokio::test]
async fn an_endpoint_that_is_set_back_has_nothing_parked_behind_the_place() {
    let bench = Bench::new();
    let (receiver, endpoint) = given_up(&bench, 400).await;

    bench.order(&Order::Rewind { to: Seq(100) });
    assert_eq!(bench.drain(&endpoint).await, drained(300, 0, 0));

    let left: Vec<_> = (1..=100).map(|seq| Item::Entry(Seq(seq))).collect();
    assert_eq!(parked(&bench), left);
    assert_eq!(receiver.sequences().len(), 700);
}

#[tokio::test]
async fn replays_are_all_made_and_each_but_once_however_often_it_is_looked_for_more() {
    let bench = Bench::new();
    let (receiver, endpoint) = given_up(&bench, 200).await;
    bench.store.replay(&name(), &parked(&bench)).unwrap();

    let running = Running::start(&bench, &endpoint).await;
    until("all are made", || {
        // Each is a hint to look.
        running.wake.wake();
        bench.store.replays(&name(), 1).unwrap().is_empty()
    })
    .await;
    running.end().await;

    let mut again = receiver.sequences().split_off(200);
    again.sort_unstable();
    assert_eq!(again, (1..=200).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_drain_does_not_end_while_replays_are_left() {
    let bench = Bench::new();
    let (_receiver, endpoint) = given_up(&bench, 200).await;
    bench.store.replay(&name(), &parked(&bench)).unwrap();

    assert_eq!(bench.drain(&endpoint).await, drained(200, 0, 0));
}
