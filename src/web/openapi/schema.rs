//! Makes JSON Schemas (2020-12, as `OpenAPI` 3.1 uses them).

use serde_json::{Map, Value, json};

/// Any text.
pub(in crate::web) fn text() -> Value {
    json!({ "type": "string" })
}

/// A file that is not text. `format` is for programs that make clients; it checks nothing.
pub(in crate::web) fn bytes() -> Value {
    json!({ "type": "string", "format": "binary" })
}

/// A point in time.
pub(in crate::web) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// A number of things.
pub(in crate::web) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// True or false.
pub(in crate::web) fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// Any value.
pub(in crate::web) fn anything() -> Value {
    json!({})
}

/// One value.
pub(in crate::web) fn constant(value: impl Into<Value>) -> Value {
    json!({ "const": value.into() })
}

/// One of some words.
pub(in crate::web) fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A list.
pub(in crate::web) fn list(of: Value) -> Value {
    let fields = [("type", "array".into()), ("items", of)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    Value::Object(fields.into_iter().collect())
}

/// A schema of the document, by its name.
pub(in crate::web) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A schema with a description.
pub(in crate::web) fn said(mut schema: Value, description: &str) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), description.into());
    }
    schema
}

/// A schema, or null: there is no value, or it is not known.
pub(in crate::web) fn or_null(mut schema: Value) -> Value {
    let Some(Value::String(sort)) = schema.get("type").cloned() else {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    };
    if let Value::Object(fields) = &mut schema {
        fields.insert("type".to_owned(), json!([sort, "null"]));
        if let Some(Value::Array(values)) = fields.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    schema
}

/// An object that always has these fields.
pub(in crate::web) fn object(fields: Vec<(&str, Value)>) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    partial(&names.clone(), fields)
}

/// An object that may have these fields.
pub(in crate::web) fn open(fields: Vec<(&str, Value)>) -> Value {
    partial(&[], fields)
}

/// An object with fields, some of which it always has.
pub(in crate::web) fn partial(always: &[&str], fields: Vec<(&str, Value)>) -> Value {
    let fields: Map<String, Value> = fields
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    let mut object = json!({ "type": "object", "properties": fields });
    if let Value::Object(parts) = &mut object
        && !always.is_empty()
    {
        parts.insert("required".to_owned(), json!(always));
    }
    object
}
