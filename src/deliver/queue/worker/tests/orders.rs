//! Many replays and orders, also while the worker looks for more.

use super::*;

/// Returns an endpoint with this many parked events, which accepts everything from now on.
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
        // Each wake-up is a hint to look.
        running.wake.wake();
        bench.store.replays(&name(), None, 1).unwrap().is_empty()
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
    assert_eq!(bench.store.replays(&name(), None, 9).unwrap(), []);
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

/// Starts a receiver that refuses some events, for as long as it is told to.
async fn refusing(refused: &'static [u64]) -> (Receiver, tokio::sync::watch::Sender<bool>) {
    let (broken, is_broken) = tokio::sync::watch::channel(true);
    let receiver = Receiver::start(move |_, request| {
        let is_one = *is_broken.borrow() && refused.contains(&request.sequence());
        Reply::Status(if is_one { 404 } else { 200 })
    })
    .await;
    (receiver, broken)
}

#[tokio::test]
async fn a_replay_of_what_waits_for_its_time_makes_it_due_and_sends_it_but_once() {
    let bench = Bench::new();
    let (receiver, broken) = refusing(&[1]).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=1);
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 1));

    broken.send(false).unwrap();
    let items = [Item::Entry(Seq(1))];
    bench.store.replay(&name(), &items).unwrap();
    assert_eq!(bench.drain(&endpoint).await, drained(1, 0, 0));

    assert_eq!(receiver.sequences(), [1, 1]);
    assert_eq!(bench.store.replays(&name(), None, 9).unwrap(), []);
    assert_eq!(bench.store.deferred(&name()).unwrap(), []);
}

#[tokio::test]
async fn a_replay_goes_before_what_happened_later_to_its_record() {
    let bench = Bench::new();
    let (receiver, broken) = refusing(&[1, 2, 3]).await;
    let mut options = options(receiver.address);
    options.schedule = crate::deliver::Schedule::of([]);
    let impatient = Endpoint::new(options).unwrap();
    bench.meet(&impatient).await;
    create_users(&bench.store, 1..=1);
    assert_eq!(bench.drain(&impatient).await, drained(0, 1, 0));
    change(&bench.store, [renamed(1, "One"), renamed(1, "Two")]);
    let patient = endpoint(receiver.address);
    assert_eq!(bench.drain(&patient).await, drained(0, 0, 2));
    let due = bench.deferred().1;

    broken.send(false).unwrap();
    let items = [Item::Entry(Seq(1))];
    bench.store.replay(&name(), &items).unwrap();
    assert_eq!(bench.drain(&patient).await, drained(1, 0, 2));
    assert_eq!(bench.deferred().1, due, "nobody asked for the later ones");
    bench.pass();
    assert_eq!(bench.drain(&patient).await, drained(2, 0, 0));

    assert_eq!(receiver.sequences(), [1, 2, 1, 2, 3]);
}

#[tokio::test]
async fn what_an_endpoint_wants_no_more_is_sent_neither_late_nor_again() {
    let bench = Bench::new();
    let (receiver, broken) = refusing(&[1, 2]).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create(&bench.store, [user(1), role(1)]);
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 2));
    broken.send(false).unwrap();

    let mut options = options(receiver.address);
    options.events = EventFilter::parse(&["role.*"]).unwrap();
    let narrowed = Endpoint::new(options).unwrap();
    let later = bench.clock.now().plus(Duration::from_secs(60 * 60));
    bench.clock.set(later);
    bench.store.replay(&name(), &[Item::Entry(Seq(1))]).unwrap();
    assert_eq!(bench.drain(&narrowed).await, drained(1, 0, 0));

    assert_eq!(sorted(receiver.sequences()), [1, 2, 2]);
    assert_eq!(bench.store.deferred(&name()).unwrap(), []);
    assert_eq!(bench.store.replays(&name(), None, 9).unwrap(), []);
}
