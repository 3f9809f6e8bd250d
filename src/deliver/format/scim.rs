//! Renders what an endpoint may see of a record as a SCIM 2.0 resource (RFC 7643).

use serde_json::{Map, Value, json};

use crate::deliver::shown::ShownRecord;
use crate::model::Kind;

/// Schemas of resources.
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Our extension of groups: the roles that members hold, for which SCIM has no attribute.
const GROUP_ROLES: &str = "urn:qlik-roster:scim:schemas:extension:2.0:Group";

/// Which attribute tells a field. What is not here, SCIM has no word for.
const USER_ATTRIBUTES: &[(&str, &str)] = &[
    ("username", "userName"),
    ("name", "displayName"),
    ("primary_email_address", "emails"),
    ("status", "active"),
    ("is_bot_user", "userType"),
    ("roles", "roles"),
    ("groups", "groups"),
    ("assigned_scopes", "entitlements"),
    ("avatar", "photos"),
    ("locale", "locale"),
    ("zone_info", "timezone"),
    ("preferred_locale", "preferredLanguage"),
];

/// The same of groups; an extension's attribute goes by its full name.
const GROUP_ATTRIBUTES: &[(&str, &str)] = &[
    ("name", "displayName"),
    (
        "roles",
        "urn:qlik-roster:scim:schemas:extension:2.0:Group:roles",
    ),
];

/// Returns the type of resource that a kind is, none for roles: SCIM has them as attributes
/// of users alone.
pub(super) fn resource_type(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::User => Some("User"),
        Kind::Group => Some("Group"),
        Kind::Role => None,
    }
}

/// Returns the SCIM attribute that tells a field of a kind, if there is one.
pub(super) fn attribute(kind: Kind, field: &str) -> Option<&'static str> {
    let attributes = match kind {
        Kind::User => USER_ATTRIBUTES,
        Kind::Group => GROUP_ATTRIBUTES,
        Kind::Role => &[],
    };
    let mut attributes = attributes.iter();
    let (_, attribute) = attributes.find(|(name, _)| *name == field)?;
    Some(attribute)
}

/// Returns whether a user of such a `status` is active, none where that does not show.
pub(super) fn is_active(status: &Value) -> Option<bool> {
    match status["value"].as_str()? {
        "enabled" => Some(true),
        "disabled" | "pending" => Some(false),
        _ => None,
    }
}

/// Returns the record as a resource. Absent is what is not visible, or has no value.
pub(super) fn resource(shown: &ShownRecord<'_>) -> Map<String, Value> {
    let mut resource = Map::new();
    let record = &shown.record;
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            resource.insert(name.to_owned(), value);
        }
    };
    let custom = |name: &str| record.get("unified_custom_fields")?.get(name).cloned();
    let text = |name: &str| record.get(name).cloned();
    put("id", Some(json!(shown.id.to_string())));
    put("displayName", text("name"));
    match shown.kind {
        Kind::User => {
            put("schemas", Some(json!([USER])));
            put("userName", text("username"));
            let email = record.get("primary_email_address");
            put(
                "emails",
                email
                    .and_then(Value::as_str)
                    .map(|email| json!([{ "value": email, "primary": true }])),
            );
            let active = record.get("status").and_then(is_active);
            put("active", active.map(Value::Bool));
            let is_bot = record.get("is_bot_user").and_then(Value::as_bool);
            put(
                "userType",
                is_bot.map(|is_bot| match is_bot {
                    true => json!("Bot"),
                    false => json!("Person"),
                }),
            );
            put("roles", references(record, "roles"));
            put("groups", references(record, "groups"));
            let scopes = custom("assigned_scopes");
            let scopes = scopes.as_ref().and_then(Value::as_array);
            put(
                "entitlements",
                scopes.map(|scopes| {
                    scopes
                        .iter()
                        .map(|scope| json!({ "value": scope }))
                        .collect()
                }),
            );
            let picture = record.get("avatar").and_then(|file| file.get("remote_url"));
            put(
                "photos",
                picture.map(|url| json!([{ "value": url, "type": "photo" }])),
            );
            put("locale", custom("locale"));
            put("timezone", custom("zone_info"));
            put("preferredLanguage", custom("preferred_locale"));
        }
        Kind::Group => {
            let roles = references(record, "roles");
            let schemas = match &roles {
                Some(_) => json!([GROUP, GROUP_ROLES]),
                None => json!([GROUP]),
            };
            put("schemas", Some(schemas));
            put(GROUP_ROLES, roles.map(|roles| json!({ "roles": roles })));
        }
        Kind::Role => {}
    }
    put("meta", Some(meta(shown)));
    resource
}

/// Returns what tells this state of a record from its others.
pub(super) fn version(shown: &ShownRecord<'_>) -> String {
    format!("W/\"{}\"", shown.version)
}

/// Returns the names of a resource's attributes.
pub(super) fn attributes(shown: &ShownRecord<'_>) -> Vec<&'static str> {
    let has = |field: &str| {
        let fields = &shown.record;
        let custom = fields.get("unified_custom_fields");
        let custom = custom.and_then(|custom| custom.get(field));
        let value = fields.get(field).or(custom);
        value.is_some_and(|value| !value.is_null())
    };
    let all = match shown.kind {
        Kind::User => USER_ATTRIBUTES,
        Kind::Group => GROUP_ATTRIBUTES,
        Kind::Role => &[],
    };
    let visible = all.iter().filter(|(field, _)| has(field));
    visible.map(|(_, attribute)| *attribute).collect()
}

fn references(record: &Map<String, Value>, list: &str) -> Option<Value> {
    let list = record.get(list)?.as_array()?;
    let reference = |one: &Value| {
        let mut reference = Map::new();
        reference.insert("value".to_owned(), one["remote_id"].clone());
        if let Some(name) = one.get("name") {
            reference.insert("display".to_owned(), name.clone());
        }
        Value::Object(reference)
    };
    Some(list.iter().map(reference).collect())
}

fn meta(shown: &ShownRecord<'_>) -> Value {
    let mut meta = Map::new();
    meta.insert("resourceType".to_owned(), json!(resource_type(shown.kind)));
    for (name, field) in [("created", "created_at"), ("lastModified", "updated_at")] {
        let time = shown.record.get(field);
        if let Some(time) = time.filter(|time| !time.is_null()) {
            meta.insert(name.to_owned(), time.clone());
        }
    }
    meta.insert("version".to_owned(), json!(version(shown)));
    Value::Object(meta)
}
