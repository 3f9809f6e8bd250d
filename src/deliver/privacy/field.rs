//! The fields that can be kept from an endpoint, and where they stand in a record.

use std::collections::BTreeSet;

use crate::model::Kind;

/// A field of a record, by the name that `changes` calls it.
pub(super) struct Field {
    pub kind: Kind,
    pub name: &'static str,
    pub place: Place,
    /// Whether it is one text, which can be hashed.
    pub is_text: bool,
}

/// Where the unified schema has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the record itself, under its name.
    Record,
    /// In `unified_custom_fields`, under its name.
    Custom,
    /// As one of `policies`, which is called like it.
    Policy,
}

const fn text(kind: Kind, name: &'static str, place: Place) -> Field {
    Field {
        kind,
        name,
        place,
        is_text: true,
    }
}

const fn other(kind: Kind, name: &'static str, place: Place) -> Field {
    Field {
        kind,
        name,
        place,
        is_text: false,
    }
}

/// All of them. What is not in it, ids, cannot be kept from anybody.
pub(super) const FIELDS: &[Field] = &[
    text(Kind::User, "username", Place::Record),
    text(Kind::User, "name", Place::Record),
    text(Kind::User, "primary_email_address", Place::Record),
    other(Kind::User, "status", Place::Record),
    other(Kind::User, "is_bot_user", Place::Record),
    text(Kind::User, "client_id", Place::Custom),
    other(Kind::User, "roles", Place::Record),
    other(Kind::User, "groups", Place::Record),
    other(Kind::User, "assigned_scopes", Place::Custom),
    other(Kind::User, "created_at", Place::Record),
    other(Kind::User, "updated_at", Place::Record),
    other(Kind::User, "invite_expires_at", Place::Custom),
    other(Kind::User, "avatar", Place::Record),
    other(Kind::User, "locale", Place::Custom),
    other(Kind::User, "zone_info", Place::Custom),
    other(Kind::User, "preferred_locale", Place::Custom),
    other(Kind::User, "preferred_zone_info", Place::Custom),
    text(Kind::Group, "name", Place::Record),
    text(Kind::Group, "description", Place::Record),
    other(Kind::Group, "type", Place::Record),
    other(Kind::Group, "status", Place::Custom),
    text(Kind::Group, "idp_id", Place::Custom),
    other(Kind::Group, "roles", Place::Record),
    other(Kind::Group, "created_at", Place::Record),
    other(Kind::Group, "updated_at", Place::Record),
    text(Kind::Role, "name", Place::Record),
    text(Kind::Role, "description", Place::Record),
    other(Kind::Role, "type", Place::Record),
    other(Kind::Role, "origin", Place::Custom),
    other(Kind::Role, "level", Place::Custom),
    other(Kind::Role, "permissions", Place::Policy),
    other(Kind::Role, "assigned_scopes", Place::Policy),
    other(Kind::Role, "created_at", Place::Record),
    other(Kind::Role, "updated_at", Place::Record),
];

/// Returns the names of all fields, for a message.
pub(super) fn names() -> String {
    listed(FIELDS.iter())
}

/// Returns the names of those that can be hashed, for a message.
pub(super) fn texts() -> String {
    listed(FIELDS.iter().filter(|field| field.is_text))
}

fn listed(fields: impl Iterator<Item = &'static Field>) -> String {
    let names: BTreeSet<_> = fields.map(|field| field.name).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
