//! What fails: events that are refused, endpoints that fail, endpoints that are disabled.

use super::*;

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

    // The other user's events do not wait; the second event of this user does.
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
    // Only the events under way when the endpoint began to fail were sent.
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
    // Another event is the probe. It succeeds, so the first event is to blame for its failure.
    bench.clock.set(bench.probe_due());
    assert_eq!(bench.drain(&endpoint).await, drained(3, 0, 1));
    assert_eq!(bench.cursor().trouble, None);
    create_users(&bench.store, 5..=8);
    assert_eq!(bench.drain(&endpoint).await, drained(4, 0, 1));
    // A single event that fails cannot be told from an endpoint that fails.
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
    assert_eq!(told.fact.event_type(), Some("endpoint.disabled"));
    assert_eq!(told.origin, None);

    bench.order(&Order::Enable);
    assert_eq!(bench.drain(&endpoint).await, drained(2, 0, 0));

    // An endpoint gets no events about itself.
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
        // A shorter wait than the schedule's own does not speed anything up.
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

const DAY: Duration = Duration::from_secs(86_400);

/// Starts a receiver that fails this many times, and then accepts everything.
async fn failing_first(times: usize) -> Receiver {
    Receiver::start(move |n, _| Reply::Status(if n < times { 503 } else { 200 })).await
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nothing_back() {
    // A probe of an endpoint that fails, and an event that was refused and has a row; the clock is
    // set back while the worker runs, and between two runs.
    for (status, is_running) in [(503, true), (400, true), (503, false), (400, false)] {
        let bench = Bench::new();
        let receiver =
            Receiver::start(move |n, _| Reply::Status(if n == 0 { status } else { 200 })).await;
        create_users(&bench.store, 1..=1);
        bench.put(Cursor::default());
        let (mut trigger, end) = shutdown();
        let mut running = JoinSet::new();
        let wake = Wake::default();
        let endpoint = endpoint(receiver.address);
        running.spawn(bench.worker(&endpoint).await.run(wake.clone(), end));
        until("the first attempt fails", || {
            bench.cursor().trouble.is_some() || !bench.store.deferred(&name()).unwrap().is_empty()
        })
        .await;

        let back = start().minus(DAY / 2);
        if is_running {
            bench.clock.jump_to(back);
            wake.wake();
        } else {
            trigger.trigger();
            while running.join_next().await.is_some() {}
            bench.clock.jump_to(back);
            let (again, end) = shutdown();
            running.spawn(bench.worker(&endpoint).await.run(wake.clone(), end));
            trigger = again;
        }
        until("what waits has followed", || {
            let due = match status {
                503 => bench.probe_due(),
                _ => bench.deferred().1.unwrap(),
            };
            due < back.plus(Duration::from_secs(10))
        })
        .await;
        bench.clock.set(back.plus(Duration::from_secs(10)));
        wake.wake();

        until("the event is delivered", || receiver.sequences().len() == 2).await;
        trigger.trigger();
        running.join_all().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_disables_nothing() {
    // Within the six days, and within the day in which attempts count as consecutive.
    for jump in [DAY * 6, DAY, Duration::from_secs(56 * 365 * 86_400)] {
        let bench = Bench::new();
        let receiver = failing_first(3).await;
        create_users(&bench.store, 1..=1);
        bench.put(Cursor {
            failing: Some(crate::store::Failing {
                since: start().minus(DAY * 9 / 2),
                last: start(),
                attempts: 9,
            }),
            ..Cursor::default()
        });
        let (trigger, end) = shutdown();
        let mut running = JoinSet::new();
        let wake = Wake::default();
        let worker = bench.worker(&endpoint(receiver.address)).await;
        running.spawn(worker.run(wake.clone(), end));
        until("an attempt fails", || bench.cursor().trouble.is_some()).await;

        bench.clock.jump_to(start().plus(jump));
        for n in 2..=3 {
            let probes = bench.cursor().trouble.unwrap().probes;
            wake.wake();
            until("a probe fails", || {
                let trouble = bench.cursor().trouble;
                trouble.is_none_or(|trouble| trouble.probes > probes)
                    || receiver.received().len() > n
            })
            .await;
            bench
                .clock
                .set(bench.clock.now().plus(Duration::from_secs(60)));
        }
        wake.wake();

        until("the event is delivered", || receiver.received().len() == 4).await;
        assert_eq!(bench.cursor().disabled, None, "{jump:?}");
        trigger.trigger();
        running.join_all().await;
    }
}

#[tokio::test]
async fn a_start_in_1970_neither_holds_back_nor_disables() {
    let bench = Bench::new();
    let receiver = failing_first(1).await;
    create_users(&bench.store, 1..=1);
    bench.put(Cursor {
        failing: Some(crate::store::Failing {
            since: start().minus(DAY),
            last: start(),
            attempts: 9,
        }),
        trouble: Some(crate::store::Trouble {
            probes: 3,
            due: start().plus(Duration::from_secs(5)),
            reason: "x".into(),
        }),
        ..Cursor::default()
    });
    let epoch = Timestamp::from_millis(0);
    bench.clock.jump_to(epoch);
    let (trigger, end) = shutdown();
    let mut running = JoinSet::new();
    let wake = Wake::default();
    let worker = bench.worker(&endpoint(receiver.address)).await;
    running.spawn(worker.run(wake.clone(), end));
    // The probe is due as far in the future as before.
    bench.clock.set(epoch.plus(Duration::from_secs(5)));
    wake.wake();
    until("the probe fails", || {
        bench.cursor().trouble.unwrap().probes == 4
    })
    .await;
    assert_eq!(bench.cursor().failing.unwrap().since, epoch.minus(DAY));

    bench.clock.jump_to(start());
    wake.wake();

    until("the event is delivered", || {
        bench.cursor().settled == Seq(1)
    })
    .await;
    assert_eq!(bench.cursor().disabled, None);
    trigger.trigger();
    running.join_all().await;
}
