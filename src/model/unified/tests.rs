//! The unified schema, field by field, against StackOne's own lists of fields.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::{
    Coded, Group, GroupId, GroupType, Id, Role, RoleId, RoleType, Timestamp, User, UserId,
};

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn user() -> Record {
    Record::User(User {
        name: Some("Maria Silva".to_owned()),
        email: Some("maria@example.com".to_owned()),
        roles: Some(BTreeMap::from([(
            RoleId(id("60d5ca1b2f8a4c0000000001")),
            "TenantAdmin".to_owned(),
        )])),
        created_at: Timestamp::parse("2026-01-02T03:04:05Z"),
        picture: Some("https://example.com/maria.png".to_owned()),
        ..User::new(
            UserId(id("60d5ca1b2f8a4c0012345678")),
            "auth0|maria".to_owned(),
        )
    })
}

fn role() -> Record {
    Record::Role(Role {
        origin: Some("custom".to_owned()),
        level: Some("user".to_owned()),
        scopes: Some(BTreeSet::from([
            "admin.users:read".to_owned(),
            "admin.apps".to_owned(),
        ])),
        ..Role::new(
            RoleId(id("60d5ca1b2f8a4c0000000001")),
            "Auditor".to_owned(),
            Coded::new(RoleType::Basic, "user"),
        )
    })
}

fn group() -> Record {
    Record::Group(Group {
        id: GroupId(id("000000000000000000000001")),
        name: "com.qlik.Everyone".to_owned(),
        description: None,
        group_type: Coded::new(GroupType::Organization, "system"),
        status: Some("active".to_owned()),
        idp_id: None,
        roles: Some(BTreeMap::new()),
        created_at: None,
        updated_at: None,
    })
}

fn fields(record: &Record) -> Vec<String> {
    let value = value(record);
    let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

/// The expected names come from the `fields` lists of StackOne's IAM v1 specification.
#[test]
fn every_field_of_stackone_is_there_and_no_other() {
    for (record, theirs) in [
        (
            user(),
            "id,remote_id,first_name,last_name,name,primary_email_address,username,roles,groups,\
             status,avatar,is_bot_user,last_active_at,last_login_at,created_at,updated_at,\
             multi_factor_enabled,unified_custom_fields",
        ),
        (
            role(),
            "id,remote_id,name,type,policies,description,created_at,updated_at,\
             unified_custom_fields",
        ),
        (
            group(),
            "id,remote_id,parent_id,remote_parent_id,name,description,roles,type,created_at,\
             updated_at,unified_custom_fields",
        ),
    ] {
        let mut theirs: Vec<_> = theirs.split(',').map(str::to_owned).collect();
        theirs.sort();

        assert_eq!(fields(&record), theirs);
    }
}

#[test]
fn a_user_shows_what_is_known_and_null_for_what_is_not_visible() {
    let shown = value(&user());

    assert_eq!(
        shown["id"],
        "c28xIQdXNlcl9pZDo2MGQ1Y2ExYjJmOGE0YzAwMTIzNDU2Nzg"
    );
    assert_eq!(shown["remote_id"], "60d5ca1b2f8a4c0012345678");
    assert_eq!(
        shown["status"],
        json!({ "value": "enabled", "source_value": "active" })
    );
    assert_eq!(shown["roles"][0]["name"], "TenantAdmin");
    assert_eq!(shown["groups"], Value::Null);
    assert_eq!(shown["created_at"], "2026-01-02T03:04:05.000Z");
    assert_eq!(
        shown["avatar"]["remote_url"],
        "https://example.com/maria.png"
    );
}

#[test]
fn a_role_lists_what_it_permits_as_policies() {
    let shown = value(&role());
    let permissions = shown["policies"][0]["permissions"].as_array().unwrap();

    assert_eq!(
        shown["type"],
        json!({ "value": "basic", "source_value": "user" })
    );
    assert_eq!(shown["policies"].as_array().unwrap().len(), 1);
    assert_eq!(
        permissions
            .iter()
            .map(|p| (&p["name"], &p["type"]["value"]))
            .collect::<Vec<_>>(),
        [
            (&json!("admin.apps"), &json!("unmapped_value")),
            (&json!("admin.users:read"), &json!("read")),
        ]
    );
}
