//! Renders what an endpoint may see of a record as a SCIM 2.0 resource (RFC 7643).

use serde_json::{Map, Value, json};

use crate::deliver::content::shown::ShownRecord;
use crate::model::{Field, Kind};

/// The schemas of resources.
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Our extension of groups: the roles that members hold, for which SCIM has no attribute.
const GROUP_ROLES: &str = "urn:qlik-roster:scim:schemas:extension:2.0:Group";

/// Returns the resource type of a kind, or `None` for roles, which SCIM has only as attributes of
/// users.
pub(super) fn resource_type(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::User => Some("User"),
        Kind::Group => Some("Group"),
        Kind::Role => None,
    }
}

/// Returns the SCIM attribute for a field; `None` if SCIM has none. An attribute of an extension
/// has its full name.
pub(super) fn attribute(field: Field) -> Option<&'static str> {
    match field {
        Field::UserSubject => Some("userName"),
        Field::UserName | Field::GroupName => Some("displayName"),
        Field::UserEmail => Some("emails"),
        Field::UserStatus => Some("active"),
        Field::UserIsBot => Some("userType"),
        Field::UserRoles => Some("roles"),
        Field::UserGroups => Some("groups"),
        Field::UserScopes => Some("entitlements"),
        Field::UserPicture => Some("photos"),
        Field::UserLocale => Some("locale"),
        Field::UserZone => Some("timezone"),
        Field::UserPreferredLocale => Some("preferredLanguage"),
        Field::GroupRoles => Some("urn:qlik-roster:scim:schemas:extension:2.0:Group:roles"),
        // Times are in `meta`, and a role is an attribute of users, not a resource.
        Field::UserCreated
        | Field::UserUpdated
        | Field::UserClient
        | Field::UserInviteExpires
        | Field::UserPreferredZone
        | Field::GroupDescription
        | Field::GroupType
        | Field::GroupStatus
        | Field::GroupIdp
        | Field::GroupCreated
        | Field::GroupUpdated
        | Field::RoleName
        | Field::RoleDescription
        | Field::RoleType
        | Field::RoleOrigin
        | Field::RoleLevel
        | Field::RolePermissions
        | Field::RoleScopes
        | Field::RoleCreated
        | Field::RoleUpdated => None,
    }
}

/// Returns the SCIM attribute for the field of a kind that has this name in `changes`; `None` if
/// SCIM has none.
pub(super) fn attribute_of(kind: Kind, name: &str) -> Option<&'static str> {
    Field::of(kind)
        .find(|field| field.name() == name)
        .and_then(attribute)
}

/// Returns whether a field is a list, where null means that it is not visible.
pub(super) fn is_list(field: &str) -> bool {
    matches!(field, "roles" | "groups" | "assigned_scopes")
}

/// Returns whether a user with this `status` is active; `None` if the status does not say.
pub(super) fn is_active(status: &Value) -> Option<bool> {
    match status["value"].as_str()? {
        "enabled" => Some(true),
        "disabled" | "pending" => Some(false),
        _ => None,
    }
}

/// Returns the record as a resource, without what is not visible or has no value.
pub(super) fn resource(shown: &ShownRecord<'_>) -> Map<String, Value> {
    let mut resource = Map::new();
    let mut extension = Map::new();
    for (name, attribute) in attributes_of(shown.kind) {
        let value = field(shown, name).and_then(|value| rendered(name, value));
        let Some(value) = value else {
            continue;
        };
        match attribute.strip_prefix(GROUP_ROLES) {
            Some(inner) => extension.insert(inner.trim_start_matches(':').to_owned(), value),
            None => resource.insert(attribute.to_owned(), value),
        };
    }
    let mut schemas = match shown.kind {
        Kind::User => vec![USER],
        Kind::Group => vec![GROUP],
        Kind::Role => Vec::new(),
    };
    if !extension.is_empty() {
        schemas.push(GROUP_ROLES);
        resource.insert(GROUP_ROLES.to_owned(), Value::Object(extension));
    }
    resource.insert("schemas".to_owned(), json!(schemas));
    resource.insert("id".to_owned(), json!(shown.id.to_string()));
    resource.insert("meta".to_owned(), meta(shown));
    resource
}

/// Returns a field's value in the form of its attribute; `None` if there is no value, or SCIM
/// cannot express it.
pub(super) fn rendered(field: &str, value: &Value) -> Option<Value> {
    let value = match field {
        "primary_email_address" => json!([{ "value": value.as_str()?, "primary": true }]),
        "status" => Value::Bool(is_active(value)?),
        "is_bot_user" => match value.as_bool()? {
            true => json!("Bot"),
            false => json!("Person"),
        },
        "roles" | "groups" => value.as_array()?.iter().map(reference).collect(),
        "assigned_scopes" => {
            let scopes = value.as_array()?.iter();
            scopes.map(|scope| json!({ "value": scope })).collect()
        }
        "avatar" => {
            // In a record this is a file with its address, in a change the address alone.
            let url = value.get("remote_url").unwrap_or(value);
            json!([{ "value": url.as_str()?, "type": "photo" }])
        }
        _ => value.clone(),
    };
    (!value.is_null()).then_some(value)
}

/// Returns a text that distinguishes this state of a record from its others.
pub(super) fn version(shown: &ShownRecord<'_>) -> String {
    format!("W/\"{}\"", shown.version)
}

/// Returns the names of a resource's attributes.
pub(super) fn attributes(shown: &ShownRecord<'_>) -> Vec<&'static str> {
    let all = attributes_of(shown.kind);
    let visible = all.filter(|(name, _)| field(shown, name).is_some_and(|value| !value.is_null()));
    visible.map(|(_, attribute)| attribute).collect()
}

/// Returns the fields of a kind that SCIM has an attribute for: the names of both.
fn attributes_of(kind: Kind) -> impl Iterator<Item = (&'static str, &'static str)> {
    Field::of(kind).filter_map(|field| Some((field.name(), attribute(field)?)))
}

fn field<'a>(shown: &'a ShownRecord<'_>, name: &str) -> Option<&'a Value> {
    let custom = || shown.record.get("unified_custom_fields")?.get(name);
    shown.record.get(name).or_else(custom)
}

fn reference(one: &Value) -> Value {
    let mut reference = Map::new();
    reference.insert("value".to_owned(), one["remote_id"].clone());
    if let Some(name) = one.get("name") {
        reference.insert("display".to_owned(), name.clone());
    }
    Value::Object(reference)
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
