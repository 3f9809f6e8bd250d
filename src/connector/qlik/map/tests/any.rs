//! Any JSON at all is either read or reported as unreadable; nothing else happens.

use proptest::prelude::*;

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(ID)),
        Just(Value::from("deleted")),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
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
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,6}"]
}

proptest! {
    #[test]
    fn no_json_panics_or_becomes_another_record(json in any_json(), kind in 0..3_usize) {
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
    fn one_odd_field_never_changes_whose_record_it_is(field in field(), odd in any_json()) {
        let mut json = json!({"id": ID, "subject": "s", "name": "n", "status": "active"});
        json[&field] = odd;
        let id = json["id"].as_str().and_then(|id| Id::parse(id).ok());
        match read(Kind::User, raw(&json)) {
            Some(Ok(observed)) => prop_assert_eq!(Some(observed.record.id()), id.as_ref()),
            Some(Err(finding)) => prop_assert_eq!(finding.id, id),
            None => prop_assert_eq!(&json["status"], "deleted"),
        }
    }
}
