//! What receivers of Security Event Tokens find in them.

use super::*;
use crate::deliver::content::event::Event;
use crate::deliver::content::format::Format;
use crate::deliver::tests::{plain_group, plain_user, start, user};
use crate::model::{
    Account, Change, Coded, EndpointName, Entry, Fact, Group, GroupId, Id, Origin, Record, RoleId,
    RunId, Seq, StoreId, TenantId, User, UserStatus, Version,
};

macro_rules! key {
    ($name:literal) => {
        SetKey::parse(&Secret::new(include_str!(concat!(
            "../../../../../tests/keys/",
            $name
        ))))
    };
}

fn sets(events: SetEvents) -> ScimSets {
    ScimSets {
        source: EventSource::default(),
        audience: "https://hr.example.com".into(),
        events,
        key: key!("ed25519.pem").unwrap(),
    }
}

const STORE: StoreId = StoreId([7; 8]);

fn account() -> Account {
    Account {
        tenant: TenantId("tenant-1".into()),
        name: "Acme".into(),
        region: None,
    }
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Returns the claims of a token.
fn claims(sets: &ScimSets, change: Change) -> Value {
    let entry = Entry {
        seq: Seq(42),
        stamp: None,
        at: start(),
        origin: Some(Origin {
            run: RunId(1),
            account: account().into(),
        }),
        reported: None,
        fact: Fact::Changed(change),
    };
    claims_of(sets, &Event::of_entry(STORE, &entry).unwrap())
}

fn claims_of(sets: &ScimSets, event: &Event<'_>) -> Value {
    let message = sets.message(&Shown::of(event));
    assert_eq!(message, sets.message(&Shown::of(event)));
    let body = String::from_utf8(message.body.to_vec()).unwrap();
    decoded(body.split('.').nth(1).unwrap())
}

fn with_status(status: UserStatus, word: &str) -> Record {
    Record::User(User {
        status: Coded::new(status, word),
        ..plain_user(1)
    })
}

fn group(roles: &[(&str, &str)]) -> Record {
    let id = |text: &str| Id::parse(text).unwrap();
    let roles = roles.iter();
    let roles = roles.map(|(role, name)| (RoleId(id(role)), (*name).to_owned()));
    Record::Group(Group {
        id: GroupId(id("600000000000000000000003")),
        name: "Finance".into(),
        roles: Some(roles.collect()),
        ..plain_group(3)
    })
}

#[test]
fn a_created_user_is_told_whole_or_by_attributes() {
    let created = Change::Created {
        after: user(1),
        replaces: None,
    };

    let full = claims(&sets(SetEvents::Full), created.clone());
    let notice = claims(&sets(SetEvents::Notice), created);

    insta::assert_snapshot!(full, @r#"{"account":{"id":"tenant-1","name":"Acme","region":null},"aud":"https://hr.example.com","events":{"urn:ietf:params:scim:event:prov:create:full":{"data":{"active":true,"displayName":"Zoë 1","emails":[{"primary":true,"value":"user1@example.com"}],"id":"000000000000000000000001","meta":{"resourceType":"User","version":"W/\"42\""},"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"idp|1","userType":"Person"},"version":"W/\"42\""}},"iat":1772359200,"iss":"/qlik-roster","jti":"evt_0707070707070707_00000000002a","sub_id":{"format":"scim","uri":"/Users/000000000000000000000001"},"txn":"evt_0707070707070707_00000000002a"}"#);
    insta::assert_snapshot!(notice["events"], @r#"{"urn:ietf:params:scim:event:prov:create:notice":{"attributes":["userName","displayName","emails","active","userType"],"version":"W/\"42\""}}"#);
}

#[test]
fn a_user_who_is_switched_off_is_told_so() {
    let change = Change::Updated {
        before: with_status(UserStatus::Enabled, "active"),
        after: with_status(UserStatus::Disabled, "disabled"),
    };

    let notice = claims(&sets(SetEvents::Notice), change);

    insta::assert_snapshot!(notice["events"], @r#"{"urn:ietf:params:scim:event:prov:deactivate":{},"urn:ietf:params:scim:event:prov:patch:notice":{"attributes":["active"],"version":"W/\"42\""}}"#);
    for (before, after, expected) in [
        (UserStatus::Pending, UserStatus::Enabled, Some("activate")),
        (UserStatus::Pending, UserStatus::Disabled, None),
        (UserStatus::Enabled, UserStatus::UnmappedValue, None),
    ] {
        let change = Change::Updated {
            before: with_status(before, "before"),
            after: with_status(after, "after"),
        };
        let claims = claims(&sets(SetEvents::Full), change);
        let told: Vec<_> = claims["events"].as_object().unwrap().keys().collect();
        let switch = told.iter().find_map(|uri| {
            let word = uri.strip_prefix(EVENT).unwrap();
            word.ends_with("activate").then_some(word)
        });
        assert_eq!(switch, expected, "{told:?}");
        // A status that nobody can map does not say whether the user is active: the token says only
        // that it changed.
        let told_whole = told.iter().any(|uri| uri.ends_with("patch:full"));
        assert_eq!(told_whole, after != UserStatus::UnmappedValue, "{told:?}");
    }
}

#[test]
fn a_snapshot_joins_and_takes_nothing_away() {
    let account = account();
    let record = group(&[("600000000000000000000002", "TenantAdmin")]);
    let event = Event::snapshot(STORE, Seq(42), start(), &account, &record, Version(7));

    let full = claims_of(&sets(SetEvents::Full), &event);
    let notice = claims_of(&sets(SetEvents::Notice), &event);

    insta::assert_snapshot!(full["events"], @r#"{"urn:ietf:params:scim:event:feed:add":{},"urn:ietf:params:scim:event:prov:create:full":{"data":{"displayName":"Finance","id":"600000000000000000000003","meta":{"resourceType":"Group","version":"W/\"7\""},"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","urn:qlik-roster:scim:schemas:extension:2.0:Group"],"urn:qlik-roster:scim:schemas:extension:2.0:Group":{"roles":[{"display":"TenantAdmin","value":"600000000000000000000002"}]}},"version":"W/\"7\""}}"#);
    insta::assert_snapshot!(notice["events"], @r#"{"urn:ietf:params:scim:event:feed:add":{},"urn:ietf:params:scim:event:prov:create:notice":{"attributes":["displayName","urn:qlik-roster:scim:schemas:extension:2.0:Group:roles"],"version":"W/\"7\""}}"#);
}

#[test]
fn a_group_is_told_with_the_roles_of_its_members() {
    let change = Change::Updated {
        before: group(&[]),
        after: group(&[("600000000000000000000002", "TenantAdmin")]),
    };

    let full = claims(&sets(SetEvents::Full), change.clone());
    let notice = claims(&sets(SetEvents::Notice), change.clone());

    insta::assert_snapshot!(full["events"], @r#"{"urn:ietf:params:scim:event:prov:patch:full":{"data":{"Operations":[{"op":"add","path":"urn:qlik-roster:scim:schemas:extension:2.0:Group:roles","value":[{"display":"TenantAdmin","value":"600000000000000000000002"}]}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]},"version":"W/\"42\""}}"#);
    insta::assert_snapshot!(notice["events"], @r#"{"urn:ietf:params:scim:event:prov:patch:notice":{"attributes":["urn:qlik-roster:scim:schemas:extension:2.0:Group:roles"],"version":"W/\"42\""}}"#);
    let deleted = Change::Deleted { before: group(&[]) };
    let deleted = claims(&sets(SetEvents::Full), deleted);
    insta::assert_snapshot!(deleted["events"], @r#"{"urn:ietf:params:scim:event:prov:delete":{}}"#);
    assert_eq!(
        deleted["sub_id"],
        json!({"format": "scim", "uri": "/Groups/600000000000000000000003"})
    );
}

#[test]
fn a_trial_is_the_verification_of_a_stream() {
    let name = EndpointName("hr".into());
    let trial = Event::trial("evt_test_1".into(), start(), &name);

    let message = sets(SetEvents::Full).message(&Shown::of(&trial));

    let body = String::from_utf8(message.body.to_vec()).unwrap();
    let parts: Vec<_> = body.split('.').collect();
    assert_eq!(message.content_type, "application/secevent+jwt");
    insta::assert_snapshot!(decoded(parts[0]), @r#"{"alg":"EdDSA","kid":"2yFKuI-vdsYFR9GUuTqbB0vv6LCJtcAzq0G0FbyeKuE","typ":"secevent+jwt"}"#);
    insta::assert_snapshot!(decoded(parts[1]), @r#"{"aud":"https://hr.example.com","events":{"https://schemas.openid.net/secevent/ssf/event-type/verification":{"state":"evt_test_1"}},"iat":1772359200,"iss":"/qlik-roster","jti":"evt_test_1","sub_id":{"format":"opaque","id":"hr"},"txn":"evt_test_1"}"#);
}

#[test]
fn a_key_whose_signatures_differ_is_refused() {
    for (key, found) in [
        (
            key!("ec.pem"),
            "found an EC key, whose signatures differ each time",
        ),
        (key!("ec-p256.pem"), "found an EC key on the curve P-256"),
        (key!("public.pem"), "found a public key"),
    ] {
        let error = key.unwrap_err();

        assert!(error.to_string().starts_with(found), "{error}");
        assert_eq!(error.code(), "deliver.invalid-set-key");
    }
}

#[test]
fn the_public_half_is_for_receivers() {
    let ed25519 = key!("ed25519.pem").unwrap();

    insta::assert_snapshot!(ed25519.public(), @r#"{"alg":"EdDSA","crv":"Ed25519","kid":"2yFKuI-vdsYFR9GUuTqbB0vv6LCJtcAzq0G0FbyeKuE","kty":"OKP","use":"sig","x":"-lxy5zYbNrrpArib9tVptnlffw9rEBlxlGDvrAr9WAM"}"#);
    assert_eq!(key!("rsa.pem").unwrap().public()["alg"], "RS256");
    assert!(!format!("{ed25519:?}").contains("Ed25519KeyPair"));
    let format = Format::ScimSet(Box::new(sets(SetEvents::Full)));
    assert_eq!(format.set_key(), Some(ed25519.public()));
    assert_eq!(Format::Standard.set_key(), None);
}
