//! Qlik's records as documented, as seen in practice, and as nobody expects them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::model::Timestamp;

const ID: &str = "60d5ca1b2f8a4c0012345678";

fn raw(json: &Value) -> Box<RawValue> {
    RawValue::from_string(json.to_string()).unwrap()
}

fn read_one(kind: Kind, json: &Value) -> Option<Result<Record, Finding>> {
    let text = raw(json);
    let spelled = text.get().to_owned();
    read(kind, text).map(|read| {
        read.map(|observed| {
            assert_eq!(*observed.raw, spelled, "the text stays as it came");
            observed.record
        })
    })
}

fn user_of(json: &Value) -> User {
    match read_one(Kind::User, json) {
        Some(Ok(Record::User(user))) => user,
        other => panic!("{json} became {other:?}"),
    }
}

fn group_of(json: &Value) -> Group {
    match read_one(Kind::Group, json) {
        Some(Ok(Record::Group(group))) => group,
        other => panic!("{json} became {other:?}"),
    }
}

fn role_of(json: &Value) -> Role {
    match read_one(Kind::Role, json) {
        Some(Ok(Record::Role(role))) => role,
        other => panic!("{json} became {other:?}"),
    }
}

fn complaint(kind: Kind, json: &Value) -> (Option<String>, String) {
    match read_one(kind, json) {
        Some(Err(finding)) => {
            assert_eq!(finding.code, FindingCode::UnreadableRecord);
            assert_eq!(finding.kind, kind);
            (finding.id.map(|id| id.to_string()), finding.detail)
        }
        other => panic!("{json} became {other:?}"),
    }
}

fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
}

#[test]
fn a_user_is_mapped_field_by_field() {
    let user = user_of(&json!({
        "id": ID,
        "tenantId": "t",
        "subject": "auth0|1",
        "name": "Zoë \"Z\" Example",
        "email": "zoe@example.com",
        "status": "active",
        "assignedRoles": [
            {"id": "60d5ca1b2f8a4c0012340001", "name": "TenantAdmin", "type": "default", "level": "admin"},
        ],
        "assignedGroups": [
            {"id": "60d5ca1b2f8a4c0012340002", "name": "Sales", "providerType": "idp",
             "assignedRoles": [{"id": "60d5ca1b2f8a4c0012340003", "name": "Steward"}]},
        ],
        "assignedScopes": ["b", "a", "a"],
        "createdAt": "2026-03-01T10:00:00.123Z",
        "lastUpdatedAt": "2026-03-02T12:00:00+02:00",
        "inviteExpiry": 1_772_000_000,
        "picture": "https://example.com/z.png",
        "locale": "de",
        "zoneinfo": "Europe/Zurich",
        "preferredLocale": "en",
        "preferredZoneinfo": "Europe/Berlin",
        "links": {"self": {"href": "x"}},
    }));

    let id = |text| Id::parse(text).unwrap();
    let expected = User {
        id: UserId(id(ID)),
        subject: "auth0|1".into(),
        name: Some("Zoë \"Z\" Example".into()),
        email: Some("zoe@example.com".into()),
        status: Coded::new(UserStatus::Enabled, "active"),
        is_bot: false,
        client_id: None,
        roles: Some(BTreeMap::from([(
            RoleId(id("60d5ca1b2f8a4c0012340001")),
            "TenantAdmin".into(),
        )])),
        groups: Some(BTreeMap::from([(
            GroupId(id("60d5ca1b2f8a4c0012340002")),
            "Sales".into(),
        )])),
        scopes: Some(BTreeSet::from(["a".into(), "b".into()])),
        created_at: time("2026-03-01T10:00:00.123Z"),
        updated_at: time("2026-03-02T10:00:00Z"),
        invite_expires_at: Some(Timestamp::from_millis(1_772_000_000_000)),
        picture: Some("https://example.com/z.png".into()),
        locale: Some("de".into()),
        zone_info: Some("Europe/Zurich".into()),
        preferred_locale: Some("en".into()),
        preferred_zone_info: Some("Europe/Berlin".into()),
    };
    assert_eq!(user, expected);
}

#[test]
fn absent_and_empty_assignments_differ() {
    for (json, hidden) in [
        (json!({"id": ID, "subject": "s"}), true),
        (
            json!({"id": ID, "subject": "s", "assignedRoles": null,
                   "assignedGroups": null, "assignedScopes": null}),
            true,
        ),
        (
            json!({"id": ID, "subject": "s", "assignedRoles": [],
                   "assignedGroups": [], "assignedScopes": []}),
            false,
        ),
    ] {
        let user = user_of(&json);

        assert_eq!(user.roles.is_none(), hidden, "{json}");
        assert_eq!(user.groups.is_none(), hidden, "{json}");
        assert_eq!(user.scopes.is_none(), hidden, "{json}");
    }
}

#[test]
fn statuses_are_mapped_and_unknown_ones_kept() {
    for (status, value) in [
        (json!("active"), UserStatus::Enabled),
        (json!("invited"), UserStatus::Pending),
        (json!("provisioned"), UserStatus::Pending),
        (json!("disabled"), UserStatus::Disabled),
        (json!("Active"), UserStatus::UnmappedValue),
        (json!("suspended"), UserStatus::UnmappedValue),
        (json!(null), UserStatus::UnmappedValue),
    ] {
        let user = user_of(&json!({"id": ID, "subject": "s", "status": status}));

        assert_eq!(user.status.value, value, "{status}");
        assert_eq!(user.status.source_value.as_deref(), status.as_str());
    }
}

#[test]
fn the_deleted_are_left_out_also_when_little_is_left_of_them() {
    for json in [
        json!({"id": ID, "subject": "s", "status": "deleted"}),
        json!({"id": ID, "status": "deleted"}),
        json!({"id": ID, "status": "deleted", "email": {}}),
    ] {
        assert_eq!(read_one(Kind::User, &json), None, "{json}");
    }
}

#[test]
fn bots_are_told_by_subject_or_client() {
    for (subject, client, is_bot) in [
        ("qlikbot\\0123", json!("0123"), true),
        ("QlikBot\\0123", json!(null), true),
        ("bob", json!("0123"), true),
        ("qlikbot", json!(null), false),
        ("qlikbo€", json!(""), false),
        ("bob", json!(7), false),
    ] {
        let user = user_of(&json!({"id": ID, "subject": subject, "clientId": client}));

        assert_eq!(user.is_bot, is_bot, "{subject} {client}");
    }
}

#[test]
fn odd_times_are_none_rather_than_unreadable() {
    for (value, expected) in [
        (json!("2026-03-01T10:00:00Z"), time("2026-03-01T10:00:00Z")),
        (json!(1_772_359_200), time("2026-03-01T10:00:00Z")),
        (json!(1_772_359_200_000_u64), time("2026-03-01T10:00:00Z")),
        (json!(1_772_359_200.5), time("2026-03-01T10:00:00.500Z")),
        (json!("1772359200"), time("2026-03-01T10:00:00Z")),
        (json!("yesterday"), None),
        (json!(""), None),
        (json!(0), None),
        (json!(null), None),
        (json!(true), None),
        (json!(["2026-03-01T10:00:00Z", {"a": [1]}]), None),
        (json!({"$date": {"x": []}}), None),
        (json!(1e300), None),
    ] {
        let user = user_of(&json!({
            "id": ID, "subject": "s", "createdAt": value, "lastUpdatedAt": value,
            "inviteExpiry": value,
        }));

        assert_eq!(user.created_at, expected, "{value}");
        assert_eq!(user.updated_at, expected, "{value}");
        assert_eq!(user.invite_expires_at, expected, "{value}");
    }
}

#[test]
fn groups_are_mapped_by_where_they_come_from() {
    for (json, value, source) in [
        (
            json!({"providerType": "idp"}),
            GroupType::Group,
            Some("idp"),
        ),
        (
            json!({"providerType": "custom"}),
            GroupType::Group,
            Some("custom"),
        ),
        (
            json!({"providerType": "scim"}),
            GroupType::UnmappedValue,
            Some("scim"),
        ),
        (json!({}), GroupType::UnmappedValue, None),
        (
            json!({"name": "com.qlik.Everyone"}),
            GroupType::Organization,
            Some("system"),
        ),
    ] {
        let mut whole = json!({"id": ID, "name": "Sales", "description": "", "idpId": "i",
            "status": "active", "assignedRoles": [{"id": "r1", "name": "Steward"}],
            "createdAt": "2026-03-01T10:00:00Z", "lastUpdatedAt": "2026-03-01T10:00:00Z"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(json.as_object().unwrap().clone());
        let group = group_of(&whole);

        assert_eq!(group.group_type.value, value, "{json}");
        assert_eq!(group.group_type.source_value.as_deref(), source, "{json}");
        assert_eq!(group.description, None);
        assert_eq!(group.idp_id.as_deref(), Some("i"));
        assert_eq!(group.roles.unwrap().len(), 1);
    }
}

#[test]
fn a_system_group_is_the_organization() {
    let json = json!({"id": EVERYONE, "name": "com.qlik.Everyone", "enabled": true,
        "assignedRoles": []});
    let Some(Ok(observed)) = read_system(Kind::Group, raw(&json)) else {
        panic!("a system group is readable");
    };
    let Record::Group(group) = observed.record else {
        panic!("a group is a group");
    };

    assert_eq!(
        group.group_type,
        Coded::new(GroupType::Organization, "system")
    );
    assert_eq!(group.status.as_deref(), Some("active"));
    assert_eq!(group, group_of(&json), "by its id it is the same");
}

#[test]
fn roles_are_mapped_by_level_and_name() {
    for (name, level, value, source) in [
        ("TenantAdmin", Some("admin"), RoleType::Admin, "admin"),
        ("Steward", Some("user"), RoleType::Basic, "user"),
        (
            "EmbeddedAnalyticsUser",
            Some("user"),
            RoleType::Restricted,
            "user",
        ),
        (
            "EmbeddedAnalyticsUser",
            None,
            RoleType::Restricted,
            "EmbeddedAnalyticsUser",
        ),
        ("Auditor", Some("owner"), RoleType::UnmappedValue, "owner"),
        ("Developer", None, RoleType::UnmappedValue, "Developer"),
    ] {
        let role = role_of(
            &json!({"id": ID, "tenantId": "", "name": name, "level": level,
            "type": "default", "permissions": ["x"], "fullUser": true}),
        );

        assert_eq!(
            role.role_type,
            Coded::new(value, source),
            "{name} {level:?}"
        );
        assert_eq!(role.origin.as_deref(), Some("default"));
        assert_eq!(role.scopes, None);
    }
}

#[test]
fn findings_name_the_field_and_no_value() {
    let secret = "expected evil bob@example.com";
    for (kind, json, id, detail) in [
        (
            Kind::User,
            json!({"subject": "s"}),
            None,
            "field `id`: expected an id",
        ),
        (
            Kind::User,
            json!({"id": "a/b", "subject": "s"}),
            None,
            "field `id`: expected an id",
        ),
        (
            Kind::User,
            json!({"id": 5, "subject": secret}),
            None,
            "field `id`: expected text",
        ),
        (
            Kind::User,
            json!({"id": ID}),
            Some(ID),
            "field `subject`: expected text",
        ),
        (
            Kind::User,
            json!({"id": ID, "subject": 5}),
            Some(ID),
            "field `subject`: expected text",
        ),
        (
            Kind::Group,
            json!({"id": ID}),
            Some(ID),
            "field `name`: expected text",
        ),
        (
            Kind::Group,
            json!({"id": ID, "name": "g", "enabled": secret}),
            Some(ID),
            "field `enabled`: expected true or false",
        ),
        (
            Kind::Role,
            json!({"id": ID, "name": ["x"]}),
            Some(ID),
            "field `name`: expected text",
        ),
        (
            Kind::Role,
            json!([ID, "Steward"]),
            None,
            "expected an object",
        ),
        (Kind::Role, json!(secret), None, "expected an object"),
        (Kind::Role, json!(null), None, "expected an object"),
    ] {
        let expected = (id.map(str::to_owned), detail.to_owned());
        assert_eq!(complaint(kind, &json), expected, "{json}");
    }
}

#[test]
fn a_reference_that_cannot_be_read_holds_itself_alone() {
    let secret = "private";
    for (list, read_of_it, torn, detail) in [
        (
            json!([{"id": "r", "name": {"x": secret}}]),
            vec!["r"],
            false,
            "field `assignedRoles[0].name`: expected text",
        ),
        (
            json!([{"id": "r"}, {"name": secret}]),
            vec!["r"],
            true,
            "field `assignedRoles[1].id`: expected an id",
        ),
        (
            json!([{"id": 5, "name": secret}, {"id": "r"}]),
            vec!["r"],
            true,
            "field `assignedRoles[0].id`: expected an id",
        ),
        (
            json!([secret, {"id": "r"}]),
            vec!["r"],
            true,
            "field `assignedRoles[0].id`: expected an id",
        ),
        (
            json!([null, [secret], 1, -1, 1.5, true, {"id": "r"}]),
            vec!["r"],
            true,
            "field `assignedRoles[0].id`: expected an id",
        ),
    ] {
        let json = json!({"id": ID, "subject": "s", "assignedRoles": list, "assignedGroups": []});

        let Some(Ok(observed)) = read(Kind::User, raw(&json)) else {
            panic!("{json}");
        };

        let Record::User(user) = &observed.record else {
            panic!("{json}");
        };
        let roles: Vec<_> = user
            .roles
            .as_ref()
            .unwrap()
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(roles, read_of_it, "{json}");
        assert_eq!(observed.torn.contains(&Assigned::Roles), torn, "{json}");
        assert!(!observed.torn.contains(&Assigned::Groups));
        let finding = &observed.findings[0];
        assert_eq!(finding.code, FindingCode::UnreadableReference);
        assert_eq!(finding.id.as_ref().map(Id::to_string).as_deref(), Some(ID));
        assert_eq!(finding.detail, detail);
        assert!(observed.findings.len() <= 3);
    }
    let text = format!(
        r#"{{"id":"{ID}","subject":"s","assignedRoles":[{{"id":"r","id":"q"}},{{"id":"s"}}]}}"#
    );
    let Some(Ok(observed)) = read(Kind::User, RawValue::from_string(text).unwrap()) else {
        panic!("of two ids neither is");
    };
    assert_eq!(observed.torn, BTreeSet::from([Assigned::Roles]));
}

#[test]
fn what_is_no_list_holds_itself_alone() {
    let secret = json!("private");
    for list in [
        secret.clone(),
        json!({"id": "r"}),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(true),
    ] {
        let json = json!({"id": ID, "subject": "s", "name": "Zoe", "assignedRoles": list,
            "assignedGroups": [{"id": "g"}], "assignedScopes": list});

        let Some(Ok(observed)) = read(Kind::User, raw(&json)) else {
            panic!("{json}");
        };

        let Record::User(user) = &observed.record else {
            panic!("{json}");
        };
        assert_eq!(user.name.as_deref(), Some("Zoe"));
        assert_eq!((&user.roles, &user.scopes), (&None, &None), "{json}");
        assert_eq!(user.groups.as_ref().map(BTreeMap::len), Some(1));
        assert_eq!(observed.torn, BTreeSet::from([Assigned::Roles]));
        let details: Vec<_> = observed.findings.iter().map(|it| &*it.detail).collect();
        assert_eq!(
            details,
            [
                "field `assignedRoles`: expected a list",
                "field `assignedScopes`: expected a list"
            ]
        );
    }
    let json = json!({"id": ID, "name": "Steward", "permissions": ["a", {"secret": secret}],
        "assignedScopes": ["b"]});
    let Some(Ok(observed)) = read(Kind::Role, raw(&json)) else {
        panic!("{json}");
    };
    let Record::Role(role) = &observed.record else {
        panic!("{json}");
    };
    assert_eq!(
        role.permissions, None,
        "what could be read is not all of it"
    );
    assert_eq!(role.scopes, Some(BTreeSet::from(["b".to_owned()])));
    assert_eq!(
        observed.findings[0].detail,
        "field `permissions[1]`: expected text"
    );
}

#[test]
fn what_is_no_unicode_costs_a_character() {
    for (field, name, expected) in [
        ("name", r"Zo\\ud83d", None),
        ("name", r"Zo\ud83d", Some("Zo\u{fffd}")),
        ("assignedGroups[0].name", r"\ud83dx", Some("\u{fffd}x")),
    ] {
        let (own, groups) = match field {
            "name" => (name, "Sales"),
            _ => ("Zoe", name),
        };
        let text = format!(
            r#"{{"id":"{ID}","subject":"s","name":"{own}","assignedGroups":[{{"id":"g","name":"{groups}"}}]}}"#
        );

        let observed = read(Kind::User, RawValue::from_string(text.clone()).unwrap());

        let Some(Ok(observed)) = observed else {
            panic!("{text}");
        };
        let Record::User(user) = &observed.record else {
            panic!("{text}");
        };
        let group = user.groups.as_ref().unwrap().values().next();
        let shown = match field {
            "name" => user.name.as_ref(),
            _ => group,
        };
        let Some(expected) = expected else {
            assert_eq!(observed.findings, []);
            assert_eq!(*observed.raw, text, "the text stays as it came");
            continue;
        };
        assert_eq!(shown.map(String::as_str), Some(expected));
        assert!(observed.torn.is_empty());
        let [finding] = &observed.findings[..] else {
            panic!("{:?}", observed.findings);
        };
        assert_eq!(finding.code, FindingCode::ReplacedText);
        assert_eq!(
            finding.detail,
            format!("field `{field}`: characters that are not valid Unicode were replaced")
        );
        let _: Value = serde_json::from_str(&observed.raw).unwrap();
    }
}

#[test]
fn a_field_that_stands_twice_is_not_guessed_at() {
    let text = format!(r#"{{"id":"{ID}","id":"60d5ca1b2f8a4c0012340000","subject":"s"}}"#);
    let Some(Err(finding)) = read(Kind::User, RawValue::from_string(text).unwrap()) else {
        panic!("which of the two ids is it?");
    };

    assert_eq!(finding.id, None);
}

#[test]
fn anothers_record_is_no_answer() {
    let asked = Id::parse("60d5ca1b2f8a4c0012340000").unwrap();
    for json in [
        json!({"id": ID, "subject": "s"}),
        json!({"id": ID, "subject": "s", "status": "deleted"}),
        json!({"subject": "s", "status": "deleted"}),
        json!({}),
    ] {
        let Some(Err(finding)) = read_asked(Kind::User, &asked, raw(&json)) else {
            panic!("{json} says nothing of the record");
        };

        assert_eq!(finding.id.as_ref(), Some(&asked), "{json}");
    }
}

mod any;
