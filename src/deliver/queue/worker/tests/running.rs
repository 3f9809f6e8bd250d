//! Workers that run until they are told to end.

use super::*;

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
