//! Shows a JSON Schema to people.

use serde_json::{Map, Value};

use super::html::{Html, rich};

/// Writes a schema in full.
pub(super) fn shape(page: &mut Html, schema: &Value) {
    if let Some(inner) = fields(schema) {
        page.raw("<dl class=\"fields\">\n");
        for (name, inner_schema) in inner {
            field(page, name, inner_schema, needed(schema, name));
        }
        page.raw("</dl>\n");
        return;
    }
    page.raw("<p class=\"kind\">");
    line(page, schema);
    page.raw("</p>\n");
}

/// Writes a schema in a line.
pub(super) fn line(page: &mut Html, schema: &Value) {
    if let Some(name) = referred(schema) {
        page.link(&format!("#schema-{name}"), name);
        return;
    }
    if let Some(all) = alternatives(schema) {
        for (n, one) in all.iter().enumerate() {
            if n > 0 {
                page.raw(" or ");
            }
            line(page, one);
        }
        return;
    }
    if let Some(value) = schema.get("const") {
        page.raw("<code>").text(&value.to_string()).raw("</code>");
        return;
    }
    if let Some(Value::Array(words)) = schema.get("enum") {
        page.raw("one of ");
        for (n, word) in words.iter().enumerate() {
            if n > 0 {
                page.raw(", ");
            }
            let word = word
                .as_str()
                .map_or_else(|| word.to_string(), str::to_owned);
            page.raw("<code>").broken(&word).raw("</code>");
        }
        return;
    }
    if let Some(items) = schema.get("items") {
        page.raw("list of ");
        line(page, items);
    } else {
        page.raw(&word(schema));
    }
    if is_nullable(schema) {
        page.raw(" or null");
    }
}

fn field(page: &mut Html, name: &str, schema: &Value, need: Need) {
    page.raw("<dt><code>")
        .broken(name)
        .raw("</code> <span class=\"kind\">");
    line(page, schema);
    page.raw(match need {
        Need::Always => "",
        Need::Sometimes => ", not always there",
    });
    page.raw("</span></dt>\n<dd>");
    if let Some(about) = schema.get("description").and_then(Value::as_str) {
        page.raw(&rich(about));
    }
    if fields(of_items(schema)).is_some() {
        shape(page, of_items(schema));
    }
    page.raw("</dd>\n");
}

/// Whether an object always has a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Always,
    Sometimes,
}

fn needed(object: &Value, name: &str) -> Need {
    let required = object.get("required").and_then(Value::as_array);
    match required.is_some_and(|all| all.iter().any(|it| it == name)) {
        true => Need::Always,
        false => Need::Sometimes,
    }
}

/// Returns the schema of a list's elements, or the schema itself if it is not of a list.
fn of_items(schema: &Value) -> &Value {
    schema.get("items").unwrap_or(schema)
}

fn fields(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))?
        .as_array()
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}

fn is_nullable(schema: &Value) -> bool {
    types(schema).contains(&"null")
}

/// Returns the type of a value, with its limits.
fn word(schema: &Value) -> String {
    let sort = types(schema).into_iter().find(|it| *it != "null");
    let format = schema.get("format").and_then(Value::as_str);
    let mut word = match (sort, format) {
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("string"), Some("binary")) => "bytes".to_owned(),
        (Some("string"), _) => "text".to_owned(),
        (Some("boolean"), _) => "<code>true</code> or <code>false</code>".to_owned(),
        (Some("integer"), _) => "whole number".to_owned(),
        (Some("object"), _) => "object".to_owned(),
        (Some("array"), _) => "list".to_owned(),
        (Some(_), _) => "null".to_owned(),
        (None, _) => "any value".to_owned(),
    };
    for (limit, said) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("maxLength", "at most this many characters:"),
    ] {
        let value = schema
            .get(limit)
            .filter(|value| **value != 0 || limit != "minimum");
        if let Some(value) = value {
            word = format!("{word}, {said} {value}");
        }
    }
    word
}
