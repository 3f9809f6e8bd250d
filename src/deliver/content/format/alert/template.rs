//! Writes an alert by a template of the operator: JSON with placeholders in its texts.
//!
//! The template is read as JSON once, and placeholders are replaced in its strings. So whatever a
//! name contains, the result has the same structure.

use serde_json::{Map, Value};

use super::notice::Notice;
use super::plain::plainer;

/// The most bytes of a template.
const MOST: usize = 16 * 1024;

/// The placeholders.
const PLACEHOLDERS: [&str; 8] = [
    "title", "text", "tenant", "command", "state", "type", "time", "id",
];

/// JSON with placeholders such as `{{title}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertTemplate(Value);

/// A template that cannot be what the operator meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// It is not JSON.
    #[error("the template is not JSON: {what}")]
    NotJson {
        /// What is wrong with it.
        what: String,
    },
    /// It has a placeholder that does not exist.
    #[error(
        "there is no placeholder `{{{{{name}}}}}`; there are {{{{{}}}}}",
        PLACEHOLDERS.join("}}, {{")
    )]
    Unknown {
        /// What is between the braces.
        name: String,
    },
    /// It would send the same for every alert.
    #[error("the template lacks `{{{{title}}}}` and `{{{{text}}}}`, and one is needed")]
    SaysNothing,
    /// It is too long.
    #[error("the template has more than {MOST} bytes")]
    TooLong,
}

impl InvalidTemplate {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        "deliver.invalid-template"
    }
}

impl AlertTemplate {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MOST {
            return Err(InvalidTemplate::TooLong);
        }
        let template: Value = serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            InvalidTemplate::NotJson { what }
        })?;
        let mut used = Vec::new();
        let mut unknown = None;
        each_string(&template, &mut |text| {
            for name in placeholders(text) {
                match PLACEHOLDERS.into_iter().find(|known| *known == name) {
                    Some(known) => used.push(known),
                    None => unknown = Some(name.to_owned()),
                }
            }
        });
        match unknown {
            Some(name) => Err(InvalidTemplate::Unknown { name }),
            None if !used.contains(&"title") && !used.contains(&"text") => {
                Err(InvalidTemplate::SaysNothing)
            }
            None => Ok(Self(template)),
        }
    }

    /// Returns the body of a request.
    pub(super) fn body(&self, notice: &Notice) -> Value {
        let mut lines = vec![notice.title.clone()];
        lines.extend(notice.lines());
        let command = notice.step.as_ref().map(|step| step.command.clone());
        let values = PLACEHOLDERS.map(|name| {
            let value = match name {
                "title" => notice.title.clone(),
                "text" => lines.join("\n"),
                "tenant" => notice.tenant.clone().unwrap_or_default(),
                "command" => command.clone().unwrap_or_default(),
                "state" => notice.state.word().to_owned(),
                "type" => notice.event_type.to_owned(),
                "time" => notice.at.to_string(),
                _ => notice.id.clone(),
            };
            (name, plainer(&value))
        });
        filled(&self.0, &values)
    }
}

/// Returns a value with its placeholders replaced.
fn filled(template: &Value, values: &[(&str, String)]) -> Value {
    match template {
        Value::String(text) => Value::String(replaced(text, values)),
        Value::Array(list) => list.iter().map(|value| filled(value, values)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(key, value)| (key.clone(), filled(value, values)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    }
}

/// Returns a text with its placeholders replaced, each once: what a value contains is no
/// placeholder.
fn replaced(text: &str, values: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        out.push_str(before);
        let value = values.iter().find(|(known, _)| *known == name);
        out.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the names of the placeholders in a text.
fn placeholders(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((_, name, after)) = next(rest) {
        found.push(name);
        rest = after;
    }
    found
}

/// Splits a text at its first placeholder.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

fn each_string(value: &Value, with: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(list) => list.iter().for_each(|value| each_string(value, with)),
        Value::Object(fields) => fields.values().for_each(|value| each_string(value, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
