//! What receivers find in a body, word by word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::deliver::tests::{plain_group, plain_role, plain_user};
use crate::model::{
    Account, Change, Coded, EndpointName, Fact, Group, GroupId, Id, Origin, Record, Role, RoleId,
    RunId, TenantId, User, UserId, UserStatus, unified,
};

const STORE: StoreId = StoreId([0xa1, 0, 0, 0, 0, 0, 0, 0xb2]);

fn id(last: u8) -> Id {
    Id::from_object_bytes([0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
}

fn user() -> User {
    User {
        id: UserId(id(1)),
        subject: "idp|ada".into(),
        name: Some("Ada".into()),
        email: Some("ada@example.com".into()),
        roles: Some(BTreeMap::from([(RoleId(id(2)), "TenantAdmin".into())])),
        groups: Some(BTreeMap::new()),
        created_at: Timestamp::parse("2026-01-01T00:00:00Z"),
        ..plain_user(1)
    }
}

fn role() -> Role {
    Role {
        id: RoleId(id(2)),
        name: "TenantAdmin".into(),
        origin: Some("default".into()),
        level: Some("admin".into()),
        permissions: Some(BTreeSet::from(["user.read".into()])),
        ..plain_role(2)
    }
}

fn group() -> Group {
    Group {
        id: GroupId(id(3)),
        name: "Finance".into(),
        status: Some("active".into()),
        roles: Some(BTreeMap::new()),
        ..plain_group(3)
    }
}

fn entry(fact: Fact) -> Entry {
    Entry {
        seq: Seq(42),
        stamp: None,
        at: Timestamp::parse("2026-03-01T10:00:00.123Z").unwrap(),
        origin: Some(Origin {
            run: RunId(7),
            account: std::sync::Arc::new(Account {
                tenant: TenantId("tenant-1".into()),
                name: "Acme".into(),
                region: Some("eu".into()),
            }),
        }),
        reported: None,
        fact,
    }
}

/// Returns the event without its record, which the tests of the unified schema cover.
fn event(change: Change) -> String {
    let record = unified::value(change.latest());
    let entry = entry(Fact::Changed(change));
    let bytes = body(STORE, &entry).unwrap();
    assert_eq!(body(STORE, &entry), Some(bytes.clone()));
    let mut event: Value = serde_json::from_slice(&bytes).unwrap();
    let shown = event["data"]["record"].take();
    assert_eq!(shown, record);
    event.to_string()
}

#[test]
fn a_creation_carries_the_record_and_what_it_replaces() {
    let after = Record::User(user());
    let created = |replaces| Change::Created {
        after: after.clone(),
        replaces,
    };

    insta::assert_snapshot!(event(created(None)), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"user.created"}"#);
    insta::assert_snapshot!(event(created(Some(id(9)))), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":null,"replaces":{"id":"c28xIQdXNlcl9pZDo2MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDk","remote_id":"600000000000000000000009"},"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"user.created"}"#);
    let role = Change::Created {
        after: Record::Role(role()),
        replaces: None,
    };
    insta::assert_snapshot!(event(role), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"role.created"}"#);
    let group = Change::Created {
        after: Record::Group(group()),
        replaces: None,
    };
    insta::assert_snapshot!(event(group), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"group.created"}"#);
}

#[test]
fn an_update_carries_what_changed() {
    let after = User {
        status: Coded::new(UserStatus::Disabled, "disabled"),
        email: None,
        roles: Some(BTreeMap::from([(RoleId(id(4)), "Steward".into())])),
        ..user()
    };
    let change = Change::Updated {
        before: Record::User(user()),
        after: Record::User(after),
    };
    insta::assert_snapshot!(event(change), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"changes":{"primary_email_address":{"after":null,"before":"ada@example.com"},"roles":{"added":[{"name":"Steward","remote_id":"600000000000000000000004"}],"removed":[{"name":"TenantAdmin","remote_id":"600000000000000000000002"}]},"status":{"after":{"source_value":"disabled","value":"disabled"},"before":{"source_value":"active","value":"enabled"}}},"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"user.updated"}"#);

    let after = Role {
        permissions: Some(BTreeSet::from(["user.read".into(), "user.write".into()])),
        ..role()
    };
    let change = Change::Updated {
        before: Record::Role(role()),
        after: Record::Role(after),
    };
    insta::assert_snapshot!(event(change), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"changes":{"permissions":{"added":["user.write"],"removed":[]}},"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"role.updated"}"#);

    let after = Group {
        name: "Controlling".into(),
        roles: None,
        ..group()
    };
    let change = Change::Updated {
        before: Record::Group(group()),
        after: Record::Group(after),
    };
    insta::assert_snapshot!(event(change), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"changes":{"name":{"after":"Controlling","before":"Finance"},"roles":{"after":null,"before":[]}},"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"group.updated"}"#);
}

#[test]
fn a_deletion_carries_the_record_as_it_was() {
    for (before, expected) in [
        (Record::User(user()), "user.deleted"),
        (Record::Role(role()), "role.deleted"),
        (Record::Group(group()), "group.deleted"),
    ] {
        let event = event(Change::Deleted { before });

        assert!(event.contains(expected), "{event}");
        assert!(!event.contains("changes"), "{event}");
    }
    let before = Record::User(user());
    insta::assert_snapshot!(event(Change::Deleted { before }), @r#"{"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":null,"version":42},"id":"evt_a1000000000000b2_00000000002a","sequence":42,"timestamp":"2026-03-01T10:00:00.123Z","type":"user.deleted"}"#);
}

#[test]
fn the_whole_body_of_an_event_is_as_documented() {
    let fact = Fact::Changed(Change::Deleted {
        before: Record::Group(group()),
    });

    let text = String::from_utf8(body(STORE, &entry(fact)).unwrap()).unwrap();

    insta::assert_snapshot!(text, @r#"{"id":"evt_a1000000000000b2_00000000002a","type":"group.deleted","timestamp":"2026-03-01T10:00:00.123Z","sequence":42,"account":{"id":"tenant-1","name":"Acme","region":"eu"},"data":{"record":{"id":"c28xIQZ3JvdXBfaWQ6NjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAz","remote_id":"600000000000000000000003","name":"Finance","description":null,"type":{"value":"group","source_value":"idp"},"roles":[],"parent_id":null,"remote_parent_id":null,"created_at":null,"updated_at":null,"unified_custom_fields":{"idp_id":null,"status":"active"}},"version":42}}"#);
}

#[test]
fn the_mark_of_a_first_load_is_no_event() {
    let mark = entry(Fact::Loaded {
        roles: 1,
        groups: 2,
        users: 3,
    });

    assert_eq!(body(STORE, &mark), None);
}

#[test]
fn a_trial_event_holds_nobody() {
    let at = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();

    let name = EndpointName("hr".into());
    let trial = Event::trial("evt_test_1".into(), at, &name);
    let text = String::from_utf8(bytes(&Shown::of(&trial))).unwrap();

    insta::assert_snapshot!(text, @r#"{"id":"evt_test_1","type":"endpoint.test","timestamp":"2026-03-01T10:00:00.000Z","data":{"endpoint":"hr"}}"#);
}
