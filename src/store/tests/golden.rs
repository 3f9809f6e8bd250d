//! The bytes of values are frozen: a store outlives the version that wrote it.

use crate::model::{
    Acceptance, Change, ConnectionName, FindingId, Fingerprint, Kind, Link, Pause, Reported, Seq,
    StoreId, TenantName, Timestamp, UserId, Version,
};
use crate::store::engine::rows::block::{Block, PackedRecord};
use crate::store::engine::rows::bucket::Bucket;
use crate::store::engine::rows::state;
use crate::store::layout::{codec, entry, keys, v1, v3, v4, v5};
use crate::store::values::audit::Bookmark;
use crate::store::values::census::Census;
use crate::store::values::count::{Count, Usage};
use crate::store::values::delivery::{
    Backfill, Cursor, Deferred, Disabled, DisabledBy, Expansion, Failing, Item, Order, Parked,
    Trouble,
};
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

use super::support::{self, account, in_hex, record};

#[test]
fn the_bytes_of_small_rows() {
    let key = keys::census(TenantNo(1), Kind::User);
    let census = Census {
        count: 3,
        checksum: 0x0102_0304_0506_0708,
    };
    insta::assert_snapshot!(in_hex(&codec::row(&key, &v1::Census::from(census))), @"0103888e98a8c0e0808101b19e3db4b389cc27");

    let key = keys::head();
    let head = Head {
        commits: 9,
        last: Seq(300),
        at: Timestamp::from_millis(1_700_000_000_000),
        version: Version(1_700_000_000_000_001),
    };
    insta::assert_snapshot!(in_hex(&codec::row(&key, &v3::Head::from(head))), @"0309ac0280a0abfef9628180f9c0c1c48203b74a76f6437f10bc");

    insta::assert_snapshot!(in_hex(&codec::row(&keys::cut(), &v1::Seq(300))), @"01ac029e0bf0c0bb75d577");
    let usage = Usage {
        count: Count {
            rows: 3,
            bytes: 300,
        },
        commits: 9,
    };
    insta::assert_snapshot!(in_hex(&codec::row(&keys::usage(), &v1::Usage::from(usage))), @"0103ac02096f869fa580172644");

    let hook = crate::model::EndpointName("hr".into());
    let cursor = Cursor {
        settled: Seq(5),
        ahead: [Seq(8)].into(),
        trouble: Some(Trouble {
            probes: 2,
            due: Timestamp::from_millis(7),
            reason: "503".into(),
        }),
        failing: Some(Failing {
            since: Timestamp::from_millis(1),
            last: Timestamp::from_millis(2),
            attempts: 3,
        }),
        disabled: Some(Disabled {
            at: Timestamp::from_millis(9),
            reason: "gone".into(),
            by: DisabledBy::Receiver {
                url_mark: "[url 1]".into(),
            },
        }),
        backfill: Some(Backfill {
            mark: Seq(4),
            at: Timestamp::from_millis(5),
            tenant: Some(TenantNo(3)),
            after: Some((TenantNo(1), Kind::User, support::id(Kind::User, 6))),
            beyond: [(TenantNo(1), Kind::User, support::id(Kind::User, 8))].into(),
        }),
        expansion: Some(Expansion {
            entry: Seq(3),
            settled: Some(199),
            beyond: [201].into(),
        }),
        delivered_at: Some(Timestamp::from_millis(6)),
    };
    insta::assert_snapshot!(in_hex(&codec::row(&keys::cursor(&hook), &v5::Cursor::from(&cursor))), @"0505010801020e0335303301020403011201075b75726c20315d04676f6e6501040a01030101020a01757365727e303030360101020d0060d5ca1b2f8a4c0000000008010301c70101c901010c77c4ee5e1c05c356");

    let links = [Link {
        id: "T1".into(),
        name: TenantName("acme".into()),
        hosts: vec!["acme.eu.qlikcloud.com".into()],
        region: Some("eu-west-1".into()),
        pause: Some(Pause::Status("deactivated".into())),
    }];
    let all = keys::links(&ConnectionName("all".into()));
    insta::assert_snapshot!(in_hex(&codec::row(&all, &v1::Links(links.iter().map(Into::into).collect()))), @"01010254310461636d65011561636d652e65752e716c696b636c6f75642e636f6d010965752d776573742d3101000b64656163746976617465646db91ece53a9a9bd");

    let parked = Parked {
        item: Item::Entry(Seq(4)),
        reason: "500".into(),
        at: Timestamp::from_millis(7),
        attempts: 9,
    };
    let deferred = Deferred {
        entity: 7,
        after: Some(8),
        attempts: 2,
        due: Some(Timestamp::from_millis(7)),
        is_endpoints: true,
        is_alone: false,
    };
    let key = keys::delivery(keys::Keyspace::Deferred, &hook, &parked.item);
    insta::assert_snapshot!(in_hex(&codec::row(&key, &v1::Deferred::from(&deferred))), @"0107010802010e0100c624d2b0310f377f");

    let order = Order::Rewind { to: Seq(7) };
    insta::assert_snapshot!(in_hex(&codec::row(&keys::order(&hook, 1), &v1::Order::from(&order))), @"010207acede79893d0f3c3");

    insta::assert_snapshot!(in_hex(&codec::row(&keys::delivery(keys::Keyspace::Parked, &hook, &parked.item), &v5::Parked::from(&parked))), @"050004033530300e095209fef546b360b3");
}

#[test]
fn the_bytes_of_a_bookmark() {
    let bookmark = Bookmark {
        since: Timestamp::from_millis(5),
        until: Timestamp::from_millis(1_700_000_000_000),
        untold: vec![(
            Timestamp::from_millis(7),
            crate::model::RecordRef {
                kind: Kind::User,
                id: support::id(Kind::User, 6),
            },
        )],
        sessions_since: None,
    };

    let bytes = codec::row(&keys::bookmark(TenantNo(1)), &v1::Bookmark::from(&bookmark));

    insta::assert_snapshot!(in_hex(&bytes), @"010a80a0abfef962010e020a01757365727e3030303664b42f339dfc443b");
}

#[test]
fn the_bytes_of_an_accepted_finding() {
    let acceptance = Acceptance {
        at: Timestamp::from_millis(1_700_000_000_000),
        by: "ops".into(),
        why: "the break-glass account".into(),
        extent: ["role 1".into(), "role 2 by group 3".into()].into(),
    };
    let key = keys::accepted(TenantNo(1), FindingId([0x3f, 0xa9, 0xc2, 0xe1, 0x7b]));

    let bytes = codec::row(&key, &v4::Acceptance::from(&acceptance));

    insta::assert_snapshot!(in_hex(&bytes), @"0480a0abfef962036f70731774686520627265616b2d676c617373206163636f756e740206726f6c65203111726f6c6520322062792067726f75702033d618ee0ad0da84d4");
    let read: v4::Acceptance = codec::read_row(&key, &bytes).unwrap();
    assert_eq!(Acceptance::from(read), acceptance);
}

#[test]
fn the_bytes_of_a_bucket() {
    let key = keys::bucket_prefix(TenantNo(1), Kind::User);
    let bucket = Bucket(vec![
        (support::id(Kind::User, 1), Fingerprint([0xaa; 16])),
        (support::id(Kind::User, 6), Fingerprint([0xbb; 16])),
    ]);

    let bytes = bucket.write(&key);

    insta::assert_snapshot!(in_hex(&bytes), @"010d0060d5ca1b2f8a4c0000000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0a01757365727e30303036bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbe23a87894cc30749");
    assert_eq!(Bucket::read(&key, &bytes).unwrap(), bucket);
}

#[test]
fn the_bytes_of_a_block() {
    let key = keys::state_prefix(TenantNo(1), Kind::User);
    let entry = |number, name, version, print| {
        let user = record(Kind::User, number, name);
        PackedRecord {
            id: user.id().clone(),
            version,
            print: Fingerprint([print; 16]),
            body: support::body(&user),
        }
    };
    let block = Block(vec![
        entry(1, "Ada", Version(7), 0xaa),
        entry(6, "Bo", Version::START, 0xbb),
    ]);

    let bytes = block.write(&key);

    insta::assert_snapshot!(in_hex(&bytes), @"0101ee000000e00d0060d5ca1b2f8a4c000000000105005b00000007aa01005a00000051022b00f2160761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766554002101025600f00c00000d7b22726177223a22416461227d0a01757365727e303030361d000002001bbb0100570000004c0228000375008f360102426f010d36740009100c5000420000000c7400603a22426f227dd3b86a8db471aaab");
    assert_eq!(Block::read(&key, &bytes).unwrap(), block);
    let kept = state::read(
        &key,
        &block.find(&support::id(Kind::User, 1)).unwrap(),
        Fingerprint([0xaa; 16]),
    );
    let kept = kept.unwrap();
    assert_eq!(
        (kept.record, kept.version),
        (record(Kind::User, 1, "Ada"), Version(7))
    );
}

#[test]
fn the_bytes_of_an_entry() {
    let key = keys::journal(Seq(7));
    let change = Change::Updated {
        before: record(Kind::User, 1, "Ada"),
        after: record(Kind::User, 1, "Ada Lovelace"),
    };
    let fact = crate::model::Fact::Changed(change);
    let account = account();
    let reported = Reported {
        first: Timestamp::from_millis(1_699_999_000_000),
        last: Timestamp::from_millis(1_699_999_999_000),
        by: Some([UserId(support::id(Kind::User, 9))].into()),
    };
    let origin = Some((crate::model::RunId(2), &account));

    let at = Timestamp::from_millis(1_700_000_000_000);
    let version = Version(1_700_000_000_000_001);
    let body = entry::pack(origin, &fact, Some(&reported));
    let bytes = entry::seal(&key, at, version, &body);

    insta::assert_snapshot!(in_hex(&bytes), @"0a0000018bcfe5680000060a24181e400101c3000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c0014f400018097b1fdf962b090abfef96201019d00604c0000000009605d271b5fb42ebb");
    let entry = entry::read(&key, &bytes).unwrap();
    assert_eq!((entry.version(), &entry.fact), (version, &fact));
    assert_eq!(entry.reported.as_ref(), Some(&reported));
    insta::assert_snapshot!(entry.event_id(StoreId([1; 8])), @"evt_0101010101010101_000000000007_68640c47295036e95680d1ca34340ea5");
    // Without a report.
    let body = entry::pack(origin, &fact, None);
    let bytes = entry::seal(&key, at, version, &body);
    insta::assert_snapshot!(in_hex(&bytes), @"0a0000018bcfe5680000060a24181e400101a7000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c000f60000000000000af94f6ea22063ed6");
    let entry = entry::read(&key, &bytes).unwrap();
    assert_eq!((&entry.fact, entry.reported), (&fact, None));

    // Before format 8, the report was not there. Its bytes are the last ones.
    let plain = codec::unpack_bytes(&key, &body).unwrap();
    let plain = plain.strip_suffix(&[0]).unwrap();
    let body = codec::pack_bytes(plain);
    let bytes = entry::seal(&key, at, version, &body);
    let id = "evt_0101010101010101_000000000007_640cf5489b62b949a613b357c46211d2";
    // In the layout of format 6, and with the event id that it had then.
    let older = codec::seal(6, &key, &bytes[1..17], &bytes[17..bytes.len() - 8]);
    insta::assert_snapshot!(in_hex(&older), @"060000018bcfe5680000060a24181e400101a6000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c000e600000000000001588e4c32d74ce80");
    let older = entry::read(&key, &older).unwrap();
    assert_eq!((older.version(), &older.fact), (version, &fact));
    assert_eq!(older.event_id(StoreId([1; 8])).to_string(), id);
    // In the layout of format 5, likewise.
    let older = codec::seal(5, &key, &bytes[1..17], &bytes[17..bytes.len() - 8]);
    insta::assert_snapshot!(in_hex(&older), @"050000018bcfe5680000060a24181e400101a6000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c000e600000000000002400ed7fb28bf538");
    let older = entry::read(&key, &older).unwrap();
    assert_eq!((older.version(), &older.fact), (version, &fact));
    assert_eq!(older.event_id(StoreId([1; 8])).to_string(), id);
    // In the layout of format 3, likewise.
    let older = codec::seal(3, &key, &bytes[1..17], &bytes[17..bytes.len() - 8]);
    insta::assert_snapshot!(in_hex(&older), @"030000018bcfe5680000060a24181e400101a6000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c000e600000000000000799ea6fc4e92912");
    let older = entry::read(&key, &older).unwrap();
    assert_eq!((older.version(), &older.fact), (version, &fact));
    assert_eq!(older.event_id(StoreId([1; 8])).to_string(), id);
    // In the layout of format 1, and with the event id that it had then.
    let older = [&bytes[1..9], &bytes[17..bytes.len() - 8]].concat();
    let older = codec::seal(1, &key, &[], &older);
    insta::assert_snapshot!(in_hex(&older), @"010000018bcfe5680001a6000000d101020874656e616e742d3108540900f0332031000001020d0060d5ca1b2f8a4c00000000010761757468307c310103416461010d31406578616d706c652e636f6d00010661637469766500000001000001020033002f0000430005df0c416461204c6f76656c6163654c000e600000000000005c693bc58b43b967");
    let older = entry::read(&key, &older).unwrap();
    assert_eq!((older.version(), &older.fact), (Version(7), &fact));
    let id = older.event_id(StoreId([1; 8])).to_string();
    assert_eq!(id, "evt_0101010101010101_000000000007");
}

#[test]
fn the_bytes_of_a_held_plan_and_its_entries() {
    use crate::model::{
        HeldLoss, HeldPlan, Loss, PlanId, PlanState, Proof, Reason, Removal, Taken, Weight,
    };
    let no = TenantNo(1);
    let held = HeldLoss {
        weight: Weight {
            lost: 12,
            known: 60,
            shown: 48,
        },
        reason: Reason::OverShare { max_permille: 100 },
    };
    let plan = HeldPlan {
        id: PlanId(3),
        account: account(),
        at: Timestamp::from_millis(1_700_000_000_000),
        losses: [(Loss::Users, held)].into(),
        entries: 12,
        checksum: 77,
        state: PlanState::Superseded {
            at: Timestamp::from_millis(1_700_000_000_001),
            by: PlanId(9),
        },
    };
    let gone = Removal {
        record: record(Kind::User, 1, "Ada").to_ref(),
        label: "Ada".to_owned(),
        what: Taken::Record {
            proof: Proof::NotYetAsked,
        },
    };

    let row = keys::held(no, plan.id);
    insta::assert_snapshot!(in_hex(&row), @"42000000010000000000000003");
    insta::assert_snapshot!(in_hex(&codec::row(&row, &v1::HeldPlan::from(&plan))), @"01030874656e616e742d310854656e616e7420310080a0abfef96201000c3c3002640c4d0482a0abfef96209faa3f31e9bbaca81");
    let entry = keys::removal(no, plan.id, &gone.record);
    insta::assert_snapshot!(in_hex(&entry), @"43000000010000000000000003030060d5ca1b2f8a4c0000000001");
    insta::assert_snapshot!(in_hex(&codec::packed_row(&entry, &v1::Removal::from(&gone))), @"0100020d0060d5ca1b2f8a4c000000000103416461000150370d60bfe3f6cb");
    let absent = keys::absent(no, &gone.record);
    insta::assert_snapshot!(in_hex(&absent), @"4400000001030060d5ca1b2f8a4c0000000001");
    assert_eq!(keys::absent_of(&absent), Some(gone.record));
    assert_eq!(keys::plan_of_removal(&entry), Some(plan.id));
}

#[test]
fn a_value_that_was_touched_or_moved_is_damaged() {
    let key = keys::journal(Seq(7));
    let value = codec::row(&key, &v1::Seq(7));
    let read = |key: &[u8], value: &[u8]| {
        codec::read_row::<v1::Seq>(key, value)
            .map(|seq| seq.0)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&key, &value), Ok(7));

    for index in 0..value.len() {
        let mut flipped = value.clone();
        flipped[index] ^= 1;
        assert!(read(&key, &flipped).is_err(), "byte {index}");
        assert!(read(&key, &value[..index]).is_err(), "cut at {index}");
    }
    insta::assert_snapshot!(read(&keys::journal(Seq(8)), &value).unwrap_err(), @"the store is damaged: journal entry 8: its checksum does not hold; it will be moved aside at the next start");
}
