//! Removes from an event, or hashes in it, what an endpoint may not see.

use serde_json::{Map, Value};

use super::{Privacy, Rule};
use crate::deliver::content::shown::{Shown, ShownData, ShownRecord};
use crate::model::{Field, FieldDelta, Section};

/// Lists in which a record names records of another kind, and the field that has those names.
const REFERENCES: [(&str, Field); 2] = [("roles", Field::RoleName), ("groups", Field::GroupName)];

impl Privacy {
    pub(super) fn mask(&self, shown: &mut Shown<'_>) {
        match &mut shown.data {
            ShownData::Record(record) => self.mask_record(record),
            ShownData::Right(right) => self.mask_right(&mut right.data),
            // Its data names no person.
            ShownData::Other(_) => {}
        }
    }

    fn mask_record(&self, shown: &mut ShownRecord<'_>) {
        let of_kind = self
            .rules
            .iter()
            .filter(|(field, _)| field.kind() == shown.kind);
        for (field, rule) in of_kind {
            let name = field.name();
            match field.section() {
                Section::Record => mask_field(shown.record.masked(), name, rule),
                Section::Custom => {
                    if let Some(Value::Object(custom)) =
                        shown.record.masked().get_mut("unified_custom_fields")
                    {
                        mask_field(custom, name, rule);
                    }
                }
                Section::Policy => {
                    if let Some(Value::Array(policies)) = shown.record.masked().get_mut("policies")
                    {
                        policies.retain(|policy| policy["name"] != name);
                    }
                }
            }
            let Some(changes) = &mut shown.changes else {
                continue;
            };
            match rule {
                Rule::Omit => {
                    changes.remove(name);
                }
                Rule::Hash(_) => {
                    if let Some(FieldDelta::Value { before, after }) = changes.get_mut(name) {
                        hash_text(before, rule);
                        hash_text(after, rule);
                    }
                }
            }
        }
        self.mask_references(shown);
    }

    /// Hides fields of the user, the role and the groups in an event about a right.
    fn mask_right(&self, data: &mut Value) {
        for (field, rule) in &self.rules {
            match field {
                Field::UserSubject | Field::UserName | Field::UserEmail | Field::UserIsBot => {
                    if let Some(Value::Object(user)) = data.get_mut("user") {
                        mask_field(user, field.name(), rule);
                    }
                }
                Field::UserStatus | Field::UserInviteExpires => {
                    if let Some(Value::Object(user)) = data.get_mut("user") {
                        mask_field(user, "usable", rule);
                        mask_field(user, "why_not_usable", rule);
                    }
                }
                Field::RoleName | Field::RoleLevel => {
                    if let Some(Value::Object(right)) = data.get_mut("right") {
                        mask_field(right, field.name(), rule);
                    }
                }
                Field::GroupName => {
                    for path in paths_of(data) {
                        if let Some(Value::Object(group)) = path.get_mut("group") {
                            mask_field(group, "name", rule);
                        }
                    }
                }
                // An endpoint that may not know the groups of users, or the roles of groups, learns
                // no group.
                Field::UserGroups | Field::GroupRoles => {
                    for path in paths_of(data) {
                        if let Value::Object(path) = path {
                            mask_field(path, "group", rule);
                        }
                    }
                    // Nor may it learn how many groups the user is in.
                    for paths in lists_of_paths(data) {
                        paths.dedup();
                    }
                }
                _ => {}
            }
        }
    }

    /// Hides the name of a role or group where other records mention it, too.
    fn mask_references(&self, shown: &mut ShownRecord<'_>) {
        for (list, name) in REFERENCES {
            let Some(rule) = self.rules.get(&name) else {
                continue;
            };
            if let Some(listed) = shown.record.masked().get_mut(list) {
                mask_names(listed, rule);
            }
            let changes = shown.changes.as_mut();
            match changes.and_then(|changes| changes.get_mut(list)) {
                None => {}
                Some(FieldDelta::Value { before, after }) => {
                    mask_names(before, rule);
                    mask_names(after, rule);
                }
                Some(FieldDelta::List { added, removed }) => {
                    for one in added.iter_mut().chain(removed) {
                        mask_name(one, rule);
                    }
                }
            }
        }
    }
}

/// Returns the paths before and after a change.
fn paths_of(data: &mut Value) -> impl Iterator<Item = &mut Value> {
    lists_of_paths(data).flatten()
}

/// Returns the lists of paths before and after a change.
fn lists_of_paths(data: &mut Value) -> impl Iterator<Item = &mut Vec<Value>> {
    let lists = data.as_object_mut().into_iter().flatten();
    let lists = lists.filter(|(key, _)| *key == "before" || *key == "after");
    lists.filter_map(|(_, paths)| paths.as_array_mut())
}

/// Removes or hashes a field. A field that is left out does not appear at all: null would say that
/// it has no value.
fn mask_field(record: &mut Map<String, Value>, name: &str, rule: &Rule) {
    match rule {
        Rule::Omit => {
            record.remove(name);
        }
        Rule::Hash(_) => {
            if let Some(value) = record.get_mut(name) {
                hash_text(value, rule);
            }
        }
    }
}

fn mask_names(list: &mut Value, rule: &Rule) {
    if let Value::Array(list) = list {
        for one in list {
            mask_name(one, rule);
        }
    }
}

fn mask_name(reference: &mut Value, rule: &Rule) {
    if let Value::Object(reference) = reference {
        mask_field(reference, "name", rule);
    }
}

/// Hashes a text. Null stays null, since there is nothing to hide.
fn hash_text(value: &mut Value, rule: &Rule) {
    if let Value::String(text) = value {
        *value = rule.stand_in(text).map_or(Value::Null, Value::String);
    }
}
