//! Which fields of a record differ between two of its states, for people and receivers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Group, Record, Role, User};

/// How one field changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldDelta {
    /// A single value, before and after; null where there is none.
    Value {
        /// As it was known.
        before: Value,
        /// As it is now.
        after: Value,
    },
    /// A list whose order means nothing: what came and what went.
    List {
        /// What is new in it.
        added: Vec<Value>,
        /// What is no more in it.
        removed: Vec<Value>,
    },
}

/// Returns the fields whose content differs, by the unified schema's names.
///
/// `updated_at` is left out: moving alone it is no change. A list that becomes
/// visible or invisible is a [`FieldDelta::Value`] from or to null, since nobody can
/// say what came or went.
pub fn delta(before: &Record, after: &Record) -> BTreeMap<&'static str, FieldDelta> {
    let mut fields = Fields(BTreeMap::new());
    match (before, after) {
        (Record::User(before), Record::User(after)) => fields.users(before, after),
        (Record::Group(before), Record::Group(after)) => fields.groups(before, after),
        (Record::Role(before), Record::Role(after)) => fields.roles(before, after),
        // Ids are unique within a kind, and a change is of one record: this is no pair.
        (Record::User(_) | Record::Group(_) | Record::Role(_), _) => {}
    }
    fields.0
}

struct Fields(BTreeMap<&'static str, FieldDelta>);

impl Fields {
    fn users(&mut self, before: &User, after: &User) {
        self.value("username", &before.subject, &after.subject);
        self.value("name", &before.name, &after.name);
        self.value("primary_email_address", &before.email, &after.email);
        self.value("status", &before.status, &after.status);
        self.value("is_bot_user", &before.is_bot, &after.is_bot);
        self.value("client_id", &before.client_id, &after.client_id);
        self.named("roles", before.roles.as_ref(), after.roles.as_ref());
        self.named("groups", before.groups.as_ref(), after.groups.as_ref());
        self.texts(
            "assigned_scopes",
            before.scopes.as_ref(),
            after.scopes.as_ref(),
        );
        self.value("created_at", &before.created_at, &after.created_at);
        self.value(
            "invite_expires_at",
            &before.invite_expires_at,
            &after.invite_expires_at,
        );
        self.value("avatar", &before.picture, &after.picture);
        self.value("locale", &before.locale, &after.locale);
        self.value("zone_info", &before.zone_info, &after.zone_info);
        self.value(
            "preferred_locale",
            &before.preferred_locale,
            &after.preferred_locale,
        );
        self.value(
            "preferred_zone_info",
            &before.preferred_zone_info,
            &after.preferred_zone_info,
        );
    }

    fn groups(&mut self, before: &Group, after: &Group) {
        self.value("name", &before.name, &after.name);
        self.value("description", &before.description, &after.description);
        self.value("type", &before.group_type, &after.group_type);
        self.value("status", &before.status, &after.status);
        self.value("idp_id", &before.idp_id, &after.idp_id);
        self.named("roles", before.roles.as_ref(), after.roles.as_ref());
        self.value("created_at", &before.created_at, &after.created_at);
    }

    fn roles(&mut self, before: &Role, after: &Role) {
        self.value("name", &before.name, &after.name);
        self.value("description", &before.description, &after.description);
        self.value("type", &before.role_type, &after.role_type);
        self.value("origin", &before.origin, &after.origin);
        self.value("level", &before.level, &after.level);
        self.texts(
            "permissions",
            before.permissions.as_ref(),
            after.permissions.as_ref(),
        );
        self.texts(
            "assigned_scopes",
            before.scopes.as_ref(),
            after.scopes.as_ref(),
        );
        self.value("created_at", &before.created_at, &after.created_at);
    }

    fn value<T: PartialEq + Serialize>(&mut self, field: &'static str, before: &T, after: &T) {
        if before != after {
            self.0.insert(
                field,
                FieldDelta::Value {
                    before: json!(before),
                    after: json!(after),
                },
            );
        }
    }

    /// Compares by id: the names are those of other records, which have events of their own.
    fn named<K: Ord + Serialize>(
        &mut self,
        field: &'static str,
        before: Option<&BTreeMap<K, String>>,
        after: Option<&BTreeMap<K, String>>,
    ) {
        let show = |(id, name): (&K, &String)| json!({ "remote_id": id, "name": name });
        let list = |map: &BTreeMap<K, String>| map.iter().map(show).collect();
        let less = |map: &BTreeMap<K, String>, other: &BTreeMap<K, String>| {
            map.iter()
                .filter(|(id, _)| !other.contains_key(id))
                .map(show)
                .collect()
        };
        self.list(field, before, after, list, less);
    }

    fn texts(
        &mut self,
        field: &'static str,
        before: Option<&BTreeSet<String>>,
        after: Option<&BTreeSet<String>>,
    ) {
        let list = |set: &BTreeSet<String>| set.iter().map(|text| json!(text)).collect();
        let less = |set: &BTreeSet<String>, other: &BTreeSet<String>| {
            set.difference(other).map(|text| json!(text)).collect()
        };
        self.list(field, before, after, list, less);
    }

    fn list<C>(
        &mut self,
        field: &'static str,
        before: Option<&C>,
        after: Option<&C>,
        list: impl Fn(&C) -> Vec<Value>,
        less: impl Fn(&C, &C) -> Vec<Value>,
    ) {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => {
                let (added, removed) = (less(after, before), less(before, after));
                if !added.is_empty() || !removed.is_empty() {
                    self.0.insert(field, FieldDelta::List { added, removed });
                }
                return;
            }
            (None, None) => return,
            one_sided => one_sided,
        };
        let (before, after) = (json!(before.map(&list)), json!(after.map(&list)));
        self.0.insert(field, FieldDelta::Value { before, after });
    }
}
