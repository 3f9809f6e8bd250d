//! Describes a change in a sentence that a person understands.

use crate::model::{Change, FieldDelta, Record, delta};
use serde_json::Value;

/// Returns a change as a sentence, without a full stop: `Maria Silva gained the role
/// TenantAdmin`.
pub fn sentence(change: &Change) -> String {
    let name = change.latest().label();
    match change {
        Change::Created { after, replaces } => {
            let again = if replaces.is_some() {
                " again, under a new id"
            } else {
                ""
            };
            format!("{name} {}{again}", arrival(after))
        }
        Change::Deleted { before } => format!("{name} {}", departure(before)),
        Change::Updated { before, after } => {
            let parts: Vec<_> = delta(before, after)
                .iter()
                .map(|(field, change)| part(field, change))
                .collect();
            format!("{} {}", before.label(), parts.join(", and "))
        }
    }
}

fn arrival(record: &Record) -> String {
    match record {
        Record::User(user) if user.is_bot => "appeared as a bot user".to_owned(),
        Record::User(user) => match user.roles.as_ref().filter(|roles| !roles.is_empty()) {
            None => "joined".to_owned(),
            Some(roles) => {
                let roles: Vec<_> = roles.values().map(String::as_str).collect();
                format!("joined with {}", plural("the role", &roles))
            }
        },
        Record::Group(_) => "was created as a group".to_owned(),
        Record::Role(_) => "was created as a role".to_owned(),
    }
}

fn departure(record: &Record) -> String {
    match record {
        Record::User(user) => match user.roles.as_ref().filter(|roles| !roles.is_empty()) {
            None => "left".to_owned(),
            Some(roles) => {
                let roles: Vec<_> = roles.values().map(String::as_str).collect();
                format!("left while holding {}", plural("the role", &roles))
            }
        },
        Record::Group(_) => "is no longer a group".to_owned(),
        Record::Role(_) => "is no longer a role".to_owned(),
    }
}

fn part(field: &str, change: &FieldDelta) -> String {
    match (field, change) {
        ("roles", FieldDelta::List { added, removed }) => {
            gained_and_lost(added, removed, ["gained", "lost"], "the role")
        }
        ("groups", FieldDelta::List { added, removed }) => {
            gained_and_lost(added, removed, ["entered", "left"], "the group")
        }
        (field, FieldDelta::List { added, removed }) => {
            gained_and_lost(added, removed, ["gained", "lost"], &words(field))
        }
        ("name", FieldDelta::Value { after, .. }) => format!("is now called {}", text(after)),
        ("primary_email_address", FieldDelta::Value { after, .. }) => {
            format!("now has the e-mail address {}", text(after))
        }
        ("status", FieldDelta::Value { after, .. }) => {
            format!("is now {}", text(after.get("value").unwrap_or(after)))
        }
        (field, FieldDelta::Value { after, .. }) => {
            format!("now has {} {}", words(field), text(after))
        }
    }
}

fn gained_and_lost(
    added: &[Value],
    removed: &[Value],
    [gained, lost]: [&str; 2],
    what: &str,
) -> String {
    let names = |list: &[Value]| -> Vec<String> {
        list.iter()
            .map(|entry| text(entry.get("name").unwrap_or(entry)))
            .collect()
    };
    let parts = [(gained, names(added)), (lost, names(removed))];
    let parts = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verb, names)| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!("{verb} {}", plural(what, &names))
        });
    parts.collect::<Vec<_>>().join(" and ")
}

fn plural(what: &str, names: &[&str]) -> String {
    match names {
        [one] => format!("{what} {one}"),
        many => format!("{what}s {}", many.join(", ")),
    }
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("source_value") {
            Some(source) => text(source),
            None => value.to_string(),
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}
