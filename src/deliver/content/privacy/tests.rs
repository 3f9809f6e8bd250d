//! What is hidden appears nowhere, in any format.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::Value;

use super::*;
use crate::deliver::{
    Batching, EventSource, Format, Message, Mode, ScimSets, SetEvents, SetKey, TEST_EVENT,
};
use crate::model::{
    AccessChange, Account, AccountChange, Barrier, Change, Coded, Entry, Fact, Group, GroupId,
    GroupType, Holder, Id, ListId, Origin, Path, Right, RightChange, RightHolders, Role, RoleId,
    RoleMention, RoleType, RunId, Seq, ShownPath, StoreId, TenantId, Timestamp, User, UserId,
    UserStatus, Version, unified,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Makes a value that nothing else contains.
fn mark(kind: Kind, field: &str, state: u8) -> String {
    format!("{kind}-{field}-{state}")
}

/// Makes an id that nothing else contains.
fn id(kind: Kind, field: &str, state: u8) -> Id {
    Id::parse(&mark(kind, field, state).replace('_', "-")).unwrap()
}

/// Makes a time that nothing else contains.
fn time(kind: Kind, field: &str, state: u8) -> Timestamp {
    let place = Field::ALL
        .iter()
        .position(|known| known.kind() == kind && known.name() == field)
        .unwrap();
    let year = 3000 + 10 * place + usize::from(state);
    Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap()
}

/// Returns the texts that must not appear anywhere once a field is hidden.
fn marks(kind: Kind, field: &str, state: u8) -> Vec<String> {
    match field {
        "created_at" | "updated_at" | "invite_expires_at" => {
            vec![time(kind, field, state).to_string()]
        }
        "roles" | "groups" => vec![id(kind, field, state).to_string()],
        // True and false appear everywhere.
        "is_bot_user" => Vec::new(),
        _ => vec![mark(kind, field, state)],
    }
}

/// Makes a record of a kind with a mark in every field; two states differ in all of them.
fn record(kind: Kind, state: u8) -> Record {
    let text = |field: &str| mark(kind, field, state);
    let some = |field: &str| Some(mark(kind, field, state));
    let set = |field: &str| Some(BTreeSet::from([mark(kind, field, state)]));
    let at = |field: &str| Some(time(kind, field, state));
    let roles = Some(BTreeMap::from([(
        RoleId(id(kind, "roles", state)),
        mark(Kind::Role, "name", state),
    )]));
    match kind {
        Kind::User => Record::User(User {
            id: UserId(Id::parse("600000000000000000000001").unwrap()),
            subject: text("username"),
            name: some("name"),
            email: some("primary_email_address"),
            status: Coded::new(
                match state {
                    0 => UserStatus::Enabled,
                    _ => UserStatus::Disabled,
                },
                text("status"),
            ),
            is_bot: state == 0,
            client_id: some("client_id"),
            roles,
            groups: Some(BTreeMap::from([(
                GroupId(id(kind, "groups", state)),
                mark(Kind::Group, "name", state),
            )])),
            scopes: set("assigned_scopes"),
            created_at: at("created_at"),
            updated_at: at("updated_at"),
            invite_expires_at: at("invite_expires_at"),
            picture: some("avatar"),
            locale: some("locale"),
            zone_info: some("zone_info"),
            preferred_locale: some("preferred_locale"),
            preferred_zone_info: some("preferred_zone_info"),
        }),
        Kind::Group => Record::Group(Group {
            id: GroupId(Id::parse("600000000000000000000002").unwrap()),
            name: text("name"),
            description: some("description"),
            group_type: Coded::new(GroupType::Group, text("type")),
            status: some("status"),
            idp_id: some("idp_id"),
            roles,
            created_at: at("created_at"),
            updated_at: at("updated_at"),
        }),
        Kind::Role => Record::Role(Role {
            id: RoleId(Id::parse("600000000000000000000003").unwrap()),
            name: text("name"),
            description: some("description"),
            role_type: Coded::new(RoleType::Admin, text("type")),
            origin: some("origin"),
            level: some("level"),
            permissions: set("permissions"),
            scopes: set("assigned_scopes"),
            created_at: at("created_at"),
            updated_at: at("updated_at"),
        }),
    }
}

fn account() -> Account {
    Account {
        tenant: TenantId("tenant-1".into()),
        name: "Acme".into(),
        region: None,
    }
}

/// Returns an entry for everything that can happen to a record.
fn entries(kind: Kind) -> Vec<Entry> {
    let (before, after) = (record(kind, 0), record(kind, 1));
    let created = Change::Created {
        after: after.clone(),
        replaces: None,
    };
    let deleted = Change::Deleted {
        before: before.clone(),
    };
    [created, Change::Updated { before, after }, deleted]
        .into_iter()
        .map(|change| Entry {
            seq: Seq(7),
            stamp: None,
            at: Timestamp::parse("2026-03-01T10:00:00Z").unwrap(),
            origin: Some(Origin {
                run: RunId(1),
                account: account().into(),
            }),
            reported: None,
            fact: Fact::Changed(change),
        })
        .collect()
}

fn formats() -> Vec<Format> {
    let mut formats = vec![Format::Standard];
    let modes = [
        Mode::Structured,
        Mode::Binary,
        Mode::Batch(Batching::default()),
    ];
    formats.extend(modes.map(|mode| Format::CloudEvents {
        mode,
        source: EventSource::default(),
    }));
    let pem = Secret::new(include_str!("../../../../tests/keys/ed25519.pem"));
    formats.extend([SetEvents::Notice, SetEvents::Full].map(|events| {
        Format::ScimSet(Box::new(ScimSets {
            source: EventSource::default(),
            audience: "hr".into(),
            events,
            key: SetKey::parse(&pem).unwrap(),
        }))
    }));
    formats
}

/// Returns everything that a receiver can read in a message.
fn text(message: &Message) -> String {
    let mut text = String::from_utf8(message.body.to_vec()).unwrap();
    if message.content_type == "application/secevent+jwt" {
        let parts: Vec<_> = text.split('.').take(2).map(str::to_owned).collect();
        for part in parts {
            text.push_str(std::str::from_utf8(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
        }
    }
    for (name, value) in &message.headers {
        text.extend(["\n", name.as_str(), ": ", value.to_str().unwrap()]);
    }
    text
}

fn messages(privacy: &Privacy, kind: Kind) -> Vec<Message> {
    let store = StoreId([1; 8]);
    let (account, record) = (account(), record(kind, 1));
    let entries = entries(kind);
    let mut events: Vec<_> = entries
        .iter()
        .map(|entry| Event::of_entry(store, entry).unwrap())
        .collect();
    let at = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
    events.push(Event::snapshot(
        store,
        Seq(9),
        at,
        &account,
        &record,
        Version(7),
    ));
    let mut messages = Vec::new();
    for format in formats() {
        if format.can_tell_record(kind) {
            messages.extend(
                events
                    .iter()
                    .map(|event| format.message(&[privacy.show(event)])),
            );
        }
    }
    messages
}

/// Returns an entry about a right of one user, one of a list of users and one of everybody. Two
/// groups gave the right before, three give it now.
fn right_entries() -> Vec<Entry> {
    let holder = Holder {
        id: UserId(Id::parse("600000000000000000000001").unwrap()),
        subject: mark(Kind::User, "username", 0),
        name: Some(mark(Kind::User, "name", 0)),
        email: Some(mark(Kind::User, "primary_email_address", 0)),
        is_bot: true,
        barrier: Some(Barrier::InvitationEnded),
        account: AccountChange::Stayed,
    };
    let by_groups = |n_groups: u8| -> Vec<ShownPath> {
        let paths = (0..n_groups).map(|group| ShownPath {
            path: Path::Group(GroupId(id(Kind::User, "groups", group))),
            group: Some(mark(Kind::Group, "name", group)),
        });
        let direct = ShownPath {
            path: Path::Direct,
            group: None,
        };
        [direct].into_iter().chain(paths).collect()
    };
    let list = ListId(1);
    let holders = [
        RightHolders::One(holder),
        RightHolders::Listed { list, count: 12 },
        RightHolders::Everybody { count: 34 },
    ];
    let rights = holders.map(|holders| RightChange {
        right: Right::Role(RoleMention {
            id: RoleId(id(Kind::User, "roles", 0)),
            name: mark(Kind::Role, "name", 0),
            level: Some(mark(Kind::Role, "level", 0)),
            is_unknown: false,
        }),
        change: AccessChange::PathChanged,
        holders,
        before: by_groups(2),
        after: by_groups(3),
    });
    let facts = rights.map(Fact::RightChanged).into_iter();
    let mut entries = entries(Kind::Role);
    let entry = entries.remove(0);
    let of = |fact| Entry {
        reported: None,
        fact,
        ..entry.clone()
    };
    facts.map(of).collect()
}

/// Returns what a receiver gets of an event in the format `standard`.
fn data(privacy: &Privacy, entry: &Entry) -> Value {
    let event = Event::of_entry(StoreId([1; 8]), entry).unwrap();
    let message = Format::Standard.message(&[privacy.show(&event)]);
    let mut body: Value = serde_json::from_slice(&message.body).unwrap();
    body["data"].take()
}

fn full_name(field: Field) -> String {
    format!("{}.{}", field.kind(), field.name())
}

proptest! {
    // Each case covers every kind, event and format, so a few cases are enough.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_hidden_is_in_no_message(
        hidden in subsequence(Field::ALL, 0..=Field::ALL.len()),
        hashes in any::<u64>(),
    ) {
        let (mut omit, mut hash) = (Vec::new(), Vec::new());
        for (place, field) in hidden.iter().copied().enumerate() {
            match field::can_be_hashed(field) && hashes >> (place % 64) & 1 == 1 {
                true => hash.push(full_name(field)),
                false => omit.push(full_name(field)),
            }
        }
        let privacy = Privacy::parse(&omit, &hash, Some(&Secret::new(KEY))).unwrap();

        for kind in Kind::ALL {
            for message in messages(&privacy, kind) {
                let text = text(&message);
                for field in &hidden {
                    for state in [0, 1] {
                        for mark in marks(field.kind(), field.name(), state) {
                            prop_assert!(!text.contains(&mark), "{mark} shows in {text}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_hidden_is_in_no_event_about_a_right() {
    let all = ["username", "name", "primary_email_address"].map(|it| mark(Kind::User, it, 0));
    let names = [0, 1, 2]
        .map(|state| mark(Kind::Group, "name", state))
        .to_vec();
    let ids = [0, 1, 2].map(|state| id(Kind::User, "groups", state).to_string());
    let groups = [&names[..], &ids[..]].concat();
    let words = |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect();
    let usable: Vec<String> = words(&["usable", "why_not_usable"]);
    for (field, hidden) in [
        (Field::UserSubject, vec![all[0].clone()]),
        (Field::UserName, vec![all[1].clone()]),
        (Field::UserEmail, vec![all[2].clone()]),
        (Field::UserIsBot, words(&["is_bot_user"])),
        (Field::UserStatus, usable.clone()),
        (Field::UserInviteExpires, usable),
        (Field::RoleName, vec![mark(Kind::Role, "name", 0)]),
        (Field::RoleLevel, vec![mark(Kind::Role, "level", 0)]),
        (Field::GroupName, names),
        (Field::UserGroups, groups.clone()),
        (Field::GroupRoles, groups),
    ] {
        let privacy = Privacy::parse(&[full_name(field)], &[], None).unwrap();
        let shown = |privacy: &Privacy| -> String {
            let entries = right_entries();
            entries
                .iter()
                .map(|entry| data(privacy, entry).to_string())
                .collect()
        };
        let (masked, whole) = (shown(&privacy), shown(&Privacy::default()));
        for hidden in hidden {
            let name = full_name(field);
            assert!(whole.contains(&hidden), "{hidden} is not in {whole}");
            assert!(!masked.contains(&hidden), "{name}: {hidden} is in {masked}");
        }
    }
    let hashed = Privacy::parse(&[], &["user.name", "group.name"], Some(&Secret::new(KEY)));
    let shown = data(&hashed.unwrap(), &right_entries()[0]);
    let hash = "hmac-sha256:";
    assert!(shown["user"]["name"].as_str().unwrap().starts_with(hash));
    let group = &shown["after"][1]["group"]["name"];
    assert!(group.as_str().unwrap().starts_with(hash), "{shown}");
}

#[test]
fn the_number_of_paths_reveals_no_groups() {
    for field in ["user.groups", "group.roles"] {
        let privacy = Privacy::parse(&[field], &[], None).unwrap();
        for entry in right_entries() {
            let shown = data(&privacy, &entry);
            let kinds = |side: &str| -> Vec<String> {
                let paths = shown[side].as_array().unwrap().iter();
                paths.map(|path| path["type"].to_string()).collect()
            };
            assert_eq!(kinds("before"), ["\"direct\"", "\"group\""], "{field}");
            assert_eq!(kinds("after"), kinds("before"), "{field}");
        }
    }
}

#[test]
fn nobody_is_named_where_an_event_about_a_right_is_shown_for_debugging() {
    for entry in right_entries() {
        let event = Event::of_entry(StoreId([1; 8]), &entry).unwrap();
        let shown = format!("{entry:?} {event:?}");
        for field in ["username", "name", "primary_email_address"] {
            let mark = mark(Kind::User, field, 0);
            assert!(!shown.contains(&mark), "{mark} shows in {shown}");
        }
    }
}

#[test]
fn what_is_not_hidden_is_there() {
    let nothing = Privacy::default();
    for kind in Kind::ALL {
        let shown: Vec<_> = messages(&nothing, kind).iter().map(text).collect();
        for field in Field::of(kind) {
            for mark in marks(kind, field.name(), 1) {
                let quoted = format!("\"{mark}\"");
                assert!(shown[0].contains(&quoted), "{mark} is not in {}", shown[0]);
            }
        }
    }
}

#[test]
fn every_field_of_the_schema_can_be_hidden_but_ids() {
    let ids = ["id", "remote_id", "parent_id", "remote_parent_id"];
    let holders = ["unified_custom_fields", "policies"];
    for kind in Kind::ALL {
        let known: BTreeSet<_> = Field::of(kind)
            .map(|field| field.name().to_owned())
            .collect();
        let value = unified::value(&record(kind, 0));
        let custom = value["unified_custom_fields"].as_object().unwrap();
        let mut there: BTreeSet<_> = value
            .as_object()
            .unwrap()
            .iter()
            // Fields that are null here are null in every record.
            .filter(|(_, value)| !value.is_null())
            .chain(custom)
            .map(|(name, _)| name.clone())
            .filter(|name| !ids.contains(&name.as_str()) && !holders.contains(&name.as_str()))
            .collect();
        if let Some(policies) = value["policies"].as_array() {
            there.extend(
                policies
                    .iter()
                    .map(|policy| policy["name"].as_str().unwrap().to_owned()),
            );
        }
        let changed = delta(&record(kind, 0), &record(kind, 1));
        there.extend(changed.into_keys().map(str::to_owned));

        assert_eq!(there, known, "{kind}");
    }
}

#[test]
fn equal_texts_have_equal_hashes_that_a_consumer_can_make() {
    let privacy = Privacy::parse(&[], &["name"], Some(&Secret::new(KEY))).unwrap();
    let entries = entries(Kind::User);
    let event = Event::of_entry(StoreId([1; 8]), &entries[1]).unwrap();

    let message = Format::Standard.message(&[privacy.show(&event)]);

    let body: Value = serde_json::from_slice(&message.body).unwrap();
    let data = &body["data"];
    // `printf user-name-1 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`
    let hashed = "hmac-sha256:f8432ad48e3eba7f592b33f7dc764c7c847a435f2881f6e00ae9aea84c6760ea";
    assert_eq!(data["record"]["name"], hashed);
    assert_eq!(data["changes"]["name"]["after"], hashed);
    assert_ne!(data["changes"]["name"]["before"], hashed);
    // The name of a role is the same wherever it appears.
    let role = "hmac-sha256:03662e587423568349f1489cb89a7e916f67c199602afa65f7197d7b7217dd4f";
    assert_eq!(data["record"]["roles"][0]["name"], role);
    assert_eq!(data["changes"]["roles"]["added"][0]["name"], role);
}

#[test]
fn a_field_is_left_out_and_not_null() {
    let privacy = Privacy::parse(&["user.name", "status", "permissions"], &[], None).unwrap();
    for (kind, absent, there) in [
        (Kind::User, &["name", "status"][..], &["username"][..]),
        (Kind::Group, &[], &["name"]),
        (Kind::Role, &[], &["name"]),
    ] {
        let entries = entries(kind);
        let event = Event::of_entry(StoreId([1; 8]), &entries[1]).unwrap();
        let message = Format::Standard.message(&[privacy.show(&event)]);
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let (record, changes) = (&body["data"]["record"], &body["data"]["changes"]);
        for field in absent {
            assert_eq!((record.get(field), changes.get(field)), (None, None));
        }
        for field in there {
            assert!(record.get(field).is_some() && changes.get(field).is_some());
        }
    }
}

#[test]
fn fields_that_cannot_be_meant_are_refused() {
    let key = Secret::new(KEY);
    let short = Secret::new("0123456789abcdef0123456789abcde");
    for (omit, hash, key, expected) in [
        (&["nmae"][..], &[][..], None, "deliver.unknown-field"),
        (&["user.permissions"], &[], None, "deliver.unknown-field"),
        (&["remote_id"], &[], None, "deliver.unknown-field"),
        (&[], &["roles"], Some(&key), "deliver.unknown-field"),
        (
            &["name"],
            &["user.name"],
            Some(&key),
            "deliver.unknown-field",
        ),
        (&[], &["name"], None, "deliver.invalid-hash-key"),
        (&[], &["name"], Some(&short), "deliver.invalid-hash-key"),
    ] {
        let error = Privacy::parse(omit, hash, key).unwrap_err();

        assert_eq!(error.code(), expected, "{omit:?} {hash:?}");
    }
    let error = Privacy::parse(&["nmae"], &[], None).unwrap_err();
    assert!(
        error.to_string().contains("primary_email_address"),
        "{error}"
    );
}

#[test]
fn a_key_does_not_show_in_debug() {
    let privacy = Privacy::parse(&["name"], &[], Some(&Secret::new(KEY))).unwrap();

    let shown = format!("{privacy:?}");

    assert!(shown.contains("name") && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_trial_is_shown_in_every_format() {
    let name = crate::model::EndpointName("hr".into());
    let at = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
    let trial = Event::trial("evt_test_1".into(), at, &name);
    for format in formats() {
        let message = format.message(&[Privacy::default().show(&trial)]);

        let text = text(&message);
        let is_set = matches!(format, Format::ScimSet(_));
        assert!(
            text.contains(if is_set { "verification" } else { TEST_EVENT }),
            "{text}"
        );
        assert!(text.contains("evt_test_1"), "{text}");
    }
}

#[test]
fn an_address_has_one_hash_however_it_is_written() {
    let rule = Rule::Hash(Box::new(keyed(Some(&Secret::new(KEY))).unwrap()));
    // `printf zoë@example.com | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`
    let digits = "0fc1860b350b8b77898034dae6fb9ff88d955bc4c221a39c4d94d27aa5235caf";
    let expected = Some(format!("hmac-sha256:{digits}"));

    for text in [
        "zoë@example.com",
        "Zoë@Example.com",
        "ZOË@EXAMPLE.COM",
        "zoe\u{308}@example.com",
        " zoë@example.com \n",
    ] {
        assert_eq!(rule.stand_in(text), expected, "{text:?}");
    }
    assert_ne!(rule.stand_in("zoe@example.com"), expected);
}
