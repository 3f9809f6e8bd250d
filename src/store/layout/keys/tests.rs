//! The bytes of keys are frozen, and keys can be decoded.

use super::*;
use crate::model::{AuditEventId, ListId, SubjectKey, Timestamp, UserId};
use crate::store::tests::support::in_hex;
use crate::store::values::delivery::Item;

#[test]
fn the_bytes_of_keys_are_frozen() {
    let no = TenantNo(0x0102_0304);
    let id = Id::parse("60d5ca1b2f8a4c0012345678").unwrap();
    let other = Id::parse("Odd-1").unwrap();
    let hook = EndpointName("hr".into());
    let snapshot = Item::Snapshot {
        mark: Seq(9),
        at: Timestamp::from_millis(7),
        tenant: no,
        record: RecordRef {
            kind: Kind::User,
            id: id.clone(),
        },
    };
    let acme = TenantName("acme".into());
    let cases: [(&str, Key, &str); 41] = [
        ("format", format(), "0100"),
        ("head", head(), "0101"),
        ("cut", cut(), "0102"),
        ("usage", usage(), "0103"),
        ("strays", orphaned_endpoints(), "0104"),
        ("tenant", tenant(no), "1001020304"),
        ("loaded", loaded(no), "1101020304"),
        ("links", links(&ConnectionName("all".into())), "12616c6c"),
        (
            "state",
            state(no, Kind::User, &id),
            "2001020304030060d5ca1b2f8a4c0012345678",
        ),
        (
            "odd id",
            state(no, Kind::Role, &other),
            "200102030401014f64642d31",
        ),
        (
            "bucket",
            bucket(no, Kind::Group, &id),
            "2101020304020060d5ca1b2f8a4c0012345678",
        ),
        (
            "first bucket",
            bucket_prefix(no, Kind::User),
            "210102030403",
        ),
        ("census", census(no, Kind::User), "220102030403"),
        ("journal", journal(Seq(0x1234)), "300000000000001234"),
        ("kept", kept(Seq(0x1234)), "310000000000001234"),
        ("plan", plan(no), "4001020304"),
        ("plan row", plan_row(no, 5), "410102030400000005"),
        ("plan rows", plan_rows(no), "4101020304"),
        ("cursor", cursor(&hook), "506872"),
        (
            "parked",
            delivery(Keyspace::Parked, &hook, &Item::Entry(Seq(9))),
            "51000000026872000000000000000009",
        ),
        (
            "deferred snapshot",
            delivery(Keyspace::Deferred, &hook, &snapshot),
            "52000000026872010000000000000009000000000000000701020304030060d5ca1b2f8a4c0012345678",
        ),
        (
            "replays of one",
            of_endpoint(Keyspace::Replay, &hook),
            "53000000026872",
        ),
        ("order", order(&hook, 3), "540000000268720000000000000003"),
        (
            "attempts",
            attempts(&hook, 4),
            "550000000268720000000000000004",
        ),
        (
            "parked user of a list",
            delivery(
                Keyspace::Parked,
                &hook,
                &Item::Member {
                    entry: Seq(9),
                    number: 4,
                },
            ),
            "510000000268720000000000000000090000000000000004",
        ),
        (
            "part of a list",
            list_part(no, ListId(7), 3),
            "3201020304000000000000000700000003",
        ),
        (
            "head of a list",
            list_head(no, ListId(7)),
            "33010203040000000000000007",
        ),
        ("mark of rights", rights_mark(no), "7201020304"),
        ("runs", runs(&acme), "610000000461636d65"),
        (
            "run",
            run(&acme, RunId(7)),
            "610000000461636d650000000000000007",
        ),
        ("tally", tally(&acme), "6261636d65"),
        ("open run", open_run(RunId(7)), "630000000000000007"),
        ("last run", last_run(), "0105"),
        ("bookmark", bookmark(no), "7001020304"),
        (
            "seen event",
            seen_event(no, Timestamp::from_millis(7), AuditEventId([0xaa; 16])),
            "71010203048000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        (
            "accepted finding",
            accepted(no, FindingId([0x3f, 0xa9, 0xc2, 0xe1, 0x7b])),
            "80010203043fa9c2e17b",
        ),
        (
            "session",
            session(no, &UserId(id.clone())),
            "93010203040060d5ca1b2f8a4c0012345678",
        ),
        ("reading of sessions", session_reading(no), "9401020304"),
        (
            "sessions since",
            sessions_since(no, &UserId(id.clone())),
            "97010203040060d5ca1b2f8a4c0012345678",
        ),
        (
            "licence",
            licence(no, &SubjectKey::of("ACME\\Eve")),
            "950102030461636d655c657665",
        ),
        ("reading of licences", licence_reading(no), "9601020304"),
    ];

    for (name, key, hex) in cases {
        assert_eq!(in_hex(&key), hex, "{name}");
    }
}

#[test]
fn keys_give_back_what_they_were_made_of() {
    assert_eq!(trailing_number(&journal(Seq(77))), Some(77));
    let hook = EndpointName("hr".into());
    let record = RecordRef {
        kind: Kind::Group,
        id: Id::parse("Odd-1").unwrap(),
    };
    let tenant_7 = TenantNo(7);
    for item in [
        Item::Entry(Seq(5)),
        Item::Snapshot {
            mark: Seq(9),
            at: Timestamp::from_millis(-7),
            tenant: tenant_7,
            record,
        },
        Item::Member {
            entry: Seq(5),
            number: 12_345,
        },
    ] {
        let key = delivery(Keyspace::Parked, &hook, &item);
        let prefix = of_endpoint(Keyspace::Parked, &hook).len();
        assert_eq!(item_of(&key, prefix), Some(item));
    }
    assert_eq!(tenant_no(&tenant(TenantNo(7))), Some(TenantNo(7)));
    for millis in [-5, 0, 1_700_000_000_000] {
        let event = (Timestamp::from_millis(millis), AuditEventId([7; 16]));
        assert_eq!(
            seen_event_of(&seen_event(TenantNo(3), event.0, event.1)),
            Some(event)
        );
    }
    let finding = FindingId([1, 2, 3, 4, 5]);
    let key = accepted(TenantNo(3), finding);
    assert_eq!(accepted_of(&key), Some(finding));
    assert_eq!(accepted_of(&key[..key.len() - 1]), None);
    let acme = TenantName("acme".into());
    let key = run(&acme, RunId(7));
    assert_eq!(run_of(&key), Some((acme.clone(), RunId(7))));
    assert_eq!(run_of(&key[..key.len() - 1]), None);
    assert_eq!(tenant_of_tally(&tally(&acme)), Some(acme));
    let hook = EndpointName("hr".into());
    let parked = delivery(Keyspace::Parked, &hook, &Item::Entry(Seq(9)));
    let part = of_endpoint(Keyspace::Parked, &hook);
    assert_eq!(endpoint_part(&parked), Some(&*part));
    assert_eq!(endpoint_part(&parked[..6]), None);
    let member = Item::Member {
        entry: Seq(9),
        number: 4,
    };
    let of_member = delivery(Keyspace::Parked, &hook, &member);
    assert_eq!(naming(&part, Seq(9)), parked);
    assert!(of_member.starts_with(&parked));
    assert!(parked < of_member && of_member < naming(&part, Seq(10)));
    assert_eq!(named_by(&part, &of_member), Some(Seq(9)));
    assert_eq!(named_by(&part, &parked), Some(Seq(9)));
    assert!(behind_endpoint(&part) > naming(&part, Seq(u64::MAX)));
    for kind in Kind::ALL {
        assert_eq!(
            census_of(&census(TenantNo(3), kind)),
            Some((TenantNo(3), kind))
        );
    }
}
