//! How fast events are sent, and how many attempts are kept.

use std::num::NonZeroU32;

use super::*;
use crate::deliver::{Batching, EventSource, Format, Mode, Origin};
use crate::store::{MaintenancePass, Retention};

#[tokio::test]
async fn a_rate_holds_for_all_messages_together() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let rate = NonZeroU32::new(100);
    let endpoint = flowing(&receiver, |flow| flow.max_per_second = rate);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=30);

    let began = Instant::now();
    assert_eq!(bench.drain(&endpoint).await, drained(30, 0, 0));

    // Ten may be ahead of the pace; the other nineteen are ten milliseconds apart.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(185), "{took:?}");
}

#[tokio::test]
async fn one_asks_for_consent_and_what_was_granted_holds_from_the_first_message_on() {
    let bench = Bench::new();
    let (consents, consented) = tokio::sync::watch::channel(false);
    let receiver = Receiver::start(move |_, request| match request.method.as_str() {
        "OPTIONS" => Reply::OnReleaseWith(
            consented.clone(),
            200,
            vec![
                ("webhook-allowed-origin", "*".to_owned()),
                ("webhook-allowed-rate", "6000".to_owned()),
            ],
        ),
        _ => Reply::Status(204),
    })
    .await;
    let mut options = options(receiver.address);
    options.egress.handshake = Some(Origin::parse("roster.example.com").unwrap());
    let endpoint = Endpoint::new(options).unwrap();
    let running = Running::start(&bench, &endpoint).await;
    create_users(&bench.store, 1..=30);
    running.wake.wake();
    until("the receiver is asked", || !receiver.received().is_empty()).await;
    // This gives other messages the time to ask as well, which they must not do.
    bench
        .clock
        .set(bench.clock.now().plus(Duration::from_secs(60)));
    create_users(&bench.store, 31..=31);
    running.wake.wake();

    let began = Instant::now();
    consents.send(true).unwrap();
    until("all came", || receiver.received().len() >= 32).await;
    let took = began.elapsed();
    running.end().await;

    let asked = receiver.received();
    let asked = asked.iter().filter(|request| request.method == "OPTIONS");
    assert_eq!(asked.count(), 1);
    assert!(took >= Duration::from_millis(190), "{took:?}");
    let first = receiver.received().swap_remove(1);
    let signed_at: i64 = first.header("webhook-timestamp").parse().unwrap();
    let now = bench.clock.now().seconds();
    assert_eq!(
        signed_at, now,
        "signed when it is sent, not when consent was asked for"
    );
}

#[tokio::test]
async fn attempts_are_kept_for_a_week_and_some_ten_thousand_of_them() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let mut options = options(receiver.address);
    options.format = Format::CloudEvents {
        mode: Mode::Batch(Batching {
            max: 100,
            wait: Duration::from_millis(1),
            ..Batching::default()
        }),
        source: EventSource::default(),
    };
    let endpoint = Endpoint::new(options).unwrap();
    bench.meet(&endpoint).await;
    let kept = || {
        let attempts = bench.store.attempts(&name(), usize::MAX, |_| true);
        attempts.unwrap().len()
    };

    create_users(&bench.store, 1..=12_000);
    assert_eq!(bench.drain(&endpoint).await, drained(12_000, 0, 0));
    assert!((10_000..10_200).contains(&kept()), "{}", kept());

    bench.clock.set(
        bench
            .clock
            .now()
            .plus(Duration::from_secs(8 * 24 * 60 * 60)),
    );
    change(&bench.store, [renamed(1, "Name")]);
    bench.drain(&endpoint).await;
    assert!(
        kept() >= 10_000,
        "its clock may be wrong; maintenance knows of that"
    );
    let retention = Retention {
        keep: Duration::from_secs(3600),
        keep_runs: 500,
    };
    let now = bench.clock.now();
    let pass = MaintenancePass::new(bench.store.clone(), retention, vec![name()], now);
    pass.finish().unwrap();
    assert_eq!(kept(), 1);
    change(&bench.store, [renamed(1, "Another name")]);
    bench.drain(&endpoint).await;
    assert_eq!(kept(), 2);
}

#[tokio::test]
async fn the_message_that_went_with_the_question_counts_for_the_rate() {
    let bench = Bench::new();
    let receiver = Receiver::start(|_, request| match request.method.as_str() {
        "OPTIONS" => Reply::WithAll(
            200,
            vec![
                ("webhook-allowed-origin", "*".to_owned()),
                ("webhook-allowed-rate", "120".to_owned()),
            ],
        ),
        _ => Reply::Status(204),
    })
    .await;
    let mut options = options(receiver.address);
    options.egress.handshake = Some(Origin::parse("roster.example.com").unwrap());
    let endpoint = Endpoint::new(options).unwrap();
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=2);

    let began = Instant::now();
    let running = Running::start(&bench, &endpoint).await;
    until("both came", || receiver.received().len() >= 3).await;

    let took = began.elapsed();
    assert!(took >= Duration::from_millis(450), "{took:?}");
    running.end().await;
}
