//! Describes records in the unified schema. What a record has depends on `fields`.

use serde_json::{Value, json};

use super::access::role_right;
use crate::web::openapi::{
    anything, flag, list, object, open, or_null, reference, said, text, time, words,
};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("IamUser", user()),
        ("IamRole", role()),
        ("IamGroup", group()),
        ("IamPolicy", policy()),
        ("Coded", coded()),
        ("Tenant", tenant()),
        ("SourceAnswer", source_answer()),
        ("RolePath", role_path()),
    ]
}

fn null() -> Value {
    json!({ "type": "null" })
}

/// A word of ours beside the source's own.
fn coded() -> Value {
    let about = "Our word. Others may be added.";
    object(vec![
        ("value", said(text(), about)),
        ("source_value", said(or_null(text()), "Qlik's word.")),
    ])
}

fn tenant() -> Value {
    object(vec![
        ("name", said(text(), "The name in the configuration.")),
        ("id", or_null(text())),
        ("region", or_null(text())),
    ])
}

fn source_answer() -> Value {
    object(vec![
        ("method", words(&["GET"])),
        ("url", text()),
        ("body", null()),
        (
            "response",
            said(anything(), "What Qlik sent of the record."),
        ),
    ])
}

/// Adds what all records have that are rows of a list or an answer of their own.
fn row(mut fields: Vec<(&'static str, Value)>) -> Value {
    fields.push(("tenant", or_null(reference("Tenant"))));
    let deleted = "When the record was found deleted; missing if it exists.";
    fields.push(("deleted_at", said(time(), deleted)));
    open(fields)
}

fn ids() -> Vec<(&'static str, Value)> {
    vec![
        ("id", said(text(), "Derived from `remote_id`.")),
        ("remote_id", said(text(), "The id in Qlik.")),
    ]
}

fn times() -> Vec<(&'static str, Value)> {
    vec![
        ("created_at", or_null(time())),
        ("updated_at", or_null(time())),
    ]
}

fn user() -> Value {
    let mut fields = ids();
    fields.extend([
        ("primary_email_address", or_null(text())),
        ("first_name", null()),
        ("last_name", null()),
        ("name", or_null(text())),
        (
            "username",
            said(
                text(),
                "The subject: the identity provider's name for the user.",
            ),
        ),
        ("is_bot_user", flag()),
        (
            "roles",
            said(
                or_null(list(reference("IamRole"))),
                "The roles that are assigned directly; null if they are not visible.",
            ),
        ),
        (
            "groups",
            said(
                or_null(list(reference("IamGroup"))),
                "The groups that the user is in; null if they are not visible.",
            ),
        ),
        ("status", reference("Coded")),
        ("last_active_at", null()),
        ("last_login_at", null()),
        ("multi_factor_enabled", null()),
        ("avatar", or_null(avatar())),
        (
            "unified_custom_fields",
            object(vec![
                ("assigned_scopes", or_null(list(text()))),
                ("client_id", or_null(text())),
                ("invite_expires_at", or_null(time())),
                ("locale", or_null(text())),
                ("preferred_locale", or_null(text())),
                ("preferred_zone_info", or_null(text())),
                ("zone_info", or_null(text())),
            ]),
        ),
        (
            "effective_roles",
            said(
                list(effective_role()),
                "The roles that the user holds by any path, with `expand=effective_roles`.",
            ),
        ),
        (
            "effective_roles_complete",
            said(
                flag(),
                "Whether these are all; false if a part of the user's roles or groups is not \
                 visible.",
            ),
        ),
    ]);
    fields.extend(times());
    row(fields)
}

fn avatar() -> Value {
    let mut fields = vec![("id", text()), ("remote_url", text())];
    for absent in [
        "remote_id",
        "name",
        "category",
        "contents",
        "category_id",
        "created_at",
        "updated_at",
        "file_format",
    ] {
        fields.push((absent, null()));
    }
    object(fields)
}

fn effective_role() -> Value {
    let mut fields = role_right();
    fields.push(("paths", list(reference("RolePath"))));
    object(fields)
}

fn role_path() -> Value {
    let group = object(vec![
        ("id", text()),
        ("remote_id", text()),
        ("name", or_null(text())),
    ]);
    let sorts = "`direct`, `group`, `everyone` or `user_default`.";
    object(vec![
        ("type", said(text(), sorts)),
        ("group", or_null(group)),
    ])
}

fn role() -> Value {
    let mut fields = ids();
    fields.extend([
        ("name", or_null(text())),
        ("description", or_null(text())),
        ("type", or_null(reference("Coded"))),
        ("policies", or_null(list(reference("IamPolicy")))),
        (
            "unified_custom_fields",
            or_null(object(vec![
                ("level", or_null(text())),
                ("origin", or_null(text())),
            ])),
        ),
    ]);
    fields.extend(times());
    row(fields)
}

fn group() -> Value {
    let mut fields = ids();
    fields.extend([
        ("name", or_null(text())),
        ("description", or_null(text())),
        ("type", or_null(reference("Coded"))),
        ("roles", or_null(list(reference("IamRole")))),
        ("parent_id", null()),
        ("remote_parent_id", null()),
        (
            "unified_custom_fields",
            or_null(object(vec![
                ("idp_id", or_null(text())),
                ("status", or_null(text())),
            ])),
        ),
    ]);
    fields.extend(times());
    row(fields)
}

fn policy() -> Value {
    let permission = object(vec![
        ("id", text()),
        ("remote_id", text()),
        ("name", text()),
        ("type", reference("Coded")),
        ("resources", null()),
        ("description", null()),
        ("created_at", null()),
        ("updated_at", null()),
    ]);
    let mut fields = ids();
    fields.extend([
        ("name", text()),
        ("permissions", list(permission)),
        ("description", null()),
        ("created_at", null()),
        ("updated_at", null()),
    ]);
    row(fields)
}
