//! Any JSON at all is either read or reported as unreadable; nothing else happens.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::connector::qlik::any_json::any_json;

const NAMES: &[&str] = &[
    "id",
    "subject",
    "name",
    "email",
    "status",
    "assignedRoles",
    "assignedGroups",
    "assignedScopes",
    "createdAt",
    "inviteExpiry",
    "clientId",
    "description",
    "type",
    "level",
    "permissions",
    "providerType",
    "enabled",
    "idpId",
    "picture",
];

proptest! {
    #[test]
    fn no_json_panics_or_becomes_another_record(json in any_json(NAMES), kind in 0..3_usize) {
        let kind = Kind::ALL[kind];
        let id = json.get("id").and_then(Value::as_str).and_then(|id| Id::parse(id).ok());
        match read(kind, raw(&json)) {
            Some(Ok(observed)) => {
                prop_assert_eq!(observed.record.kind(), kind);
                prop_assert_eq!(Some(observed.record.id()), id.as_ref());
            }
            Some(Err(finding)) => prop_assert_eq!(finding.id, id),
            None => prop_assert_eq!(json.get("status"), Some(&Value::from("deleted"))),
        }
    }

    #[test]
    fn one_odd_field_never_changes_whose_record_it_is(field in select(NAMES), odd in any_json(NAMES)) {
        let mut json = json!({"id": ID, "subject": "s", "name": "n", "status": "active"});
        json[field] = odd;
        let id = json["id"].as_str().and_then(|id| Id::parse(id).ok());
        match read(Kind::User, raw(&json)) {
            Some(Ok(observed)) => prop_assert_eq!(Some(observed.record.id()), id.as_ref()),
            Some(Err(finding)) => prop_assert_eq!(finding.id, id),
            None => prop_assert_eq!(&json["status"], "deleted"),
        }
    }
}
