//! Backfills: records that are sent as they are known.

use super::*;
use crate::deliver::tests::{end_load, load};

/// Returns how many events of each type came.
fn types(receiver: &Receiver) -> BTreeMap<String, u32> {
    let mut types = BTreeMap::new();
    for request in receiver.received() {
        let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let event_type = event["type"].as_str().unwrap().to_owned();
        *types.entry(event_type).or_insert(0) += 1;
    }
    types
}

fn of<const N: usize>(expected: [(&str, u32); N]) -> BTreeMap<String, u32> {
    expected.map(|(name, n)| (name.to_owned(), n)).into()
}

fn first(receiver: &Receiver) -> Endpoint {
    flowing(receiver, |flow| flow.backfill = Backfilling::First)
}

#[tokio::test]
async fn a_backfill_tells_what_is_known_and_then_what_happened_since() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = first(&receiver);
    create(&bench.store, (1..=300).map(user).chain([role(1)]));
    end_load(&bench.store);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 301..=302);

    assert_eq!(bench.drain(&endpoint).await, drained(305, 0, 0));

    // Records that were created after the mark may well be sent twice.
    let expected = of([
        ("role.snapshot", 1),
        ("user.created", 2),
        ("user.snapshot", 302),
    ]);
    assert_eq!(types(&receiver), expected);
    assert_eq!(bench.cursor().backfill, None);
    assert_eq!(how_far(&bench.cursor()), settled(304));
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));
}

#[tokio::test]
async fn a_backfill_goes_on_where_it_was_broken_off() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| match n {
        100..116 => Reply::Status(503),
        _ => Reply::Status(200),
    })
    .await;
    let endpoint = first(&receiver);
    create_users(&bench.store, 1..=400);
    end_load(&bench.store);
    bench.meet(&endpoint).await;

    let some = bench.drain(&endpoint).await;
    assert!((100..400).contains(&some.delivered), "{some:?}");
    assert!(bench.cursor().backfill.is_some());
    while bench.cursor().backfill.is_some() {
        bench.pass();
        bench.drain(&endpoint).await;
    }

    let mut ids = BTreeMap::new();
    for request in receiver.received() {
        *ids.entry(request.header("webhook-id").to_owned())
            .or_insert(0) += 1;
    }
    assert_eq!(ids.len(), 400);
    let again: i32 = ids.values().map(|times| times - 1).sum();
    assert_eq!(again, 16, "what failed comes again, and nothing else");
}

#[tokio::test]
async fn a_tenant_is_told_of_when_its_first_load_has_ended() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| match n {
        20..36 => Reply::Status(503),
        _ => Reply::Status(200),
    })
    .await;
    let endpoint = first(&receiver);
    bench.meet(&endpoint).await;
    load(&bench.store, (1..=100).map(user));
    // A tenant of which only a part was loaded is not known yet.
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));

    load(&bench.store, (101..=200).map(user));
    end_load(&bench.store);
    change(&bench.store, [renamed(7, "Zoë the seventh")]);
    bench.drain(&endpoint).await;
    assert!(bench.cursor().backfill.is_some());
    while bench.cursor().backfill.is_some() {
        bench.pass();
        bench.drain(&endpoint).await;
    }
    assert_eq!(bench.drain(&endpoint).await, drained(0, 0, 0));

    let came = types(&receiver);
    assert_eq!(came, of([("user.snapshot", 216), ("user.updated", 1)]));
    let last = receiver.received().pop().unwrap();
    assert_eq!(last.sequence(), 2, "what happened since comes last");
}

#[tokio::test]
async fn a_backfill_leaves_nothing_out_that_was_still_to_come() {
    let bench = Bench::new();
    let receiver = Receiver::start(|n, _| Reply::Status(if n == 0 { 503 } else { 200 })).await;
    let endpoint = endpoint(receiver.address);
    bench.meet(&endpoint).await;
    create_users(&bench.store, 1..=3);
    end_load(&bench.store);
    change(&bench.store, [Change::Deleted { before: user(2) }]);
    let trouble = Cursor {
        trouble: Some(crate::store::Trouble {
            probes: 1,
            due: start().plus(Duration::from_secs(60)),
            reason: "the receiver answered 503".to_owned(),
        }),
        ..bench.cursor()
    };
    bench.put(trouble);

    let mark = bench.store.last_seq();
    bench.order(&Order::Backfill { at: start(), mark });
    bench.drain(&endpoint).await;
    while bench.cursor().trouble.is_some() {
        bench.pass();
        bench.drain(&endpoint).await;
    }

    let came = types(&receiver);
    assert_eq!(came["user.deleted"], 1, "{came:?}");
    assert_eq!(came["user.created"], 3, "{came:?}");
}

#[test]
fn a_backfill_of_nothing_is_refused() {
    let mut options = options("127.0.0.1:9".parse().unwrap());
    options.events = EventFilter::parse(&["user.deleted"]).unwrap();
    options.flow.backfill = Backfilling::First;

    let refused = Endpoint::new(options).unwrap_err();

    assert_eq!(refused.code(), "deliver.no-snapshots");
}

#[tokio::test]
async fn a_tenant_that_was_loaded_later_is_none_of_a_backfill() {
    let bench = Bench::new();
    let receiver = Receiver::accepting().await;
    let endpoint = first(&receiver);
    load(&bench.store, (1..=3).map(user));
    end_load(&bench.store);
    let loaded = bench.store.last_seq();
    let n_met = |mark| {
        let from = ReadPosition::Records {
            mark,
            at: start(),
            tenant: None,
            after: None,
        };
        let page = reader::read(&Feed::new(bench.store.clone()), &endpoint, from);
        page.unwrap().met.len()
    };

    assert_eq!(n_met(loaded), 3);
    assert_eq!(n_met(Seq(loaded.0 - 1)), 0);
}
