//! Renders the changes of a record as a request to patch its SCIM resource (RFC 7644, 3.5.2).
//!
//! A patch contains what changed and nothing else. If we sent the whole resource instead, a
//! receiver could clear what is not in it: the members of a group, which we never send, or the
//! roles of a user, if we cannot see them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scim;
use crate::model::{FieldDelta, Kind};

/// The schema of a patch request.
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Returns the request that turns the old resource into the new one, or `None` if SCIM can express
/// none of the changes.
pub(super) fn patch(kind: Kind, changes: &BTreeMap<&'static str, FieldDelta>) -> Option<Value> {
    let mut operations = Vec::new();
    for (field, delta) in changes {
        if let Some(path) = scim::attribute_of(kind, field) {
            add(&mut operations, field, path, delta);
        }
    }
    let request = json!({ "schemas": [PATCH], "Operations": operations });
    (!operations.is_empty()).then_some(request)
}

fn add(operations: &mut Vec<Value>, field: &str, path: &str, delta: &FieldDelta) {
    match delta {
        FieldDelta::Value { after, .. } => match scim::rendered(field, after) {
            Some(value) => {
                operations.push(json!({ "op": "replace", "path": path, "value": value }));
            }
            // A list that became null is no longer visible, which is not the same as empty.
            None if after.is_null() && !scim::is_list(field) => {
                operations.push(json!({ "op": "remove", "path": path }));
            }
            None => {}
        },
        FieldDelta::List { added, removed } => {
            operations.extend(removed.iter().map(|one| {
                let id = one.get("remote_id").unwrap_or(one);
                let path = format!("{path}[value eq {id}]");
                json!({ "op": "remove", "path": path })
            }));
            if !added.is_empty() {
                let value = scim::rendered(field, &json!(added));
                operations.push(json!({ "op": "add", "path": path, "value": value }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, field: &'static str, delta: FieldDelta) -> Option<Value> {
        let request = patch(kind, &BTreeMap::from([(field, delta)]))?;
        assert_eq!(request["schemas"], json!([PATCH]));
        Some(request["Operations"].clone())
    }

    fn value(after: Value) -> FieldDelta {
        let before = json!("before");
        FieldDelta::Value { before, after }
    }

    #[test]
    fn a_value_is_replaced_or_removed() {
        for (field, after, expected) in [
            (
                "name",
                json!("Nia"),
                json!([{ "op": "replace", "path": "displayName", "value": "Nia" }]),
            ),
            (
                "name",
                Value::Null,
                json!([{ "op": "remove", "path": "displayName" }]),
            ),
            (
                "primary_email_address",
                json!("nia@example.com"),
                json!([{
                    "op": "replace", "path": "emails",
                    "value": [{ "value": "nia@example.com", "primary": true }],
                }]),
            ),
            (
                "avatar",
                json!("https://example.com/nia.png"),
                json!([{
                    "op": "replace", "path": "photos",
                    "value": [{ "value": "https://example.com/nia.png", "type": "photo" }],
                }]),
            ),
            (
                "status",
                json!({ "value": "disabled" }),
                json!([{ "op": "replace", "path": "active", "value": false }]),
            ),
        ] {
            assert_eq!(check(Kind::User, field, value(after)), Some(expected));
        }
    }

    #[test]
    fn of_a_list_single_values_come_and_go() {
        let role = |id: &str| json!({ "remote_id": id, "name": "Steward" });
        let delta = FieldDelta::List {
            added: vec![role("a")],
            removed: vec![role("b"), role("c")],
        };
        let roles = |path: &str| {
            json!([
                { "op": "remove", "path": format!("{path}[value eq \"b\"]") },
                { "op": "remove", "path": format!("{path}[value eq \"c\"]") },
                { "op": "add", "path": path, "value": [{ "value": "a", "display": "Steward" }] },
            ])
        };
        let extension = "urn:qlik-roster:scim:schemas:extension:2.0:Group:roles";

        let (user, group) = (
            check(Kind::User, "roles", delta.clone()),
            check(Kind::Group, "roles", delta),
        );

        assert_eq!(user, Some(roles("roles")));
        assert_eq!(group, Some(roles(extension)));
        let scopes = FieldDelta::List {
            added: vec![json!("admin")],
            removed: vec![json!("a \"b\"")],
        };
        assert_eq!(
            check(Kind::User, "assigned_scopes", scopes),
            Some(json!([
                { "op": "remove", "path": "entitlements[value eq \"a \\\"b\\\"\"]" },
                { "op": "add", "path": "entitlements", "value": [{ "value": "admin" }] },
            ]))
        );
    }

    #[test]
    fn what_is_not_known_is_not_cleared() {
        for (field, after) in [
            ("roles", Value::Null),
            ("groups", Value::Null),
            ("assigned_scopes", Value::Null),
            ("status", json!({ "value": "unmapped_value" })),
            ("client_id", json!("no attribute tells it")),
        ] {
            assert_eq!(check(Kind::User, field, value(after)), None, "{field}");
        }
        let seen = value(json!([{ "remote_id": "a", "name": "Steward" }]));
        assert_eq!(
            check(Kind::User, "roles", seen),
            Some(json!([{
                "op": "replace", "path": "roles", "value": [{ "value": "a", "display": "Steward" }],
            }]))
        );
    }
}
