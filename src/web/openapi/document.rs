//! Makes the `OpenAPI` document.

use serde_json::{Map, Value, json};

use super::operation::{
    Access, Answer, Content, Header, Operation, Parameter, ParameterPlace, Tag,
};
use super::routes::Described;

/// What the document says about everything.
pub(super) const ABOUT: &str = "What qlik-roster knows of who may do what in Qlik Cloud tenants, to be read by programs. \
     Nothing is asked of Qlik for it: the answers come from the store. Every address that answers \
     `GET` answers `HEAD` as well. While the daemon opens its store, everything but `/livez` is \
     answered with 503 in plain text.";

/// How tokens are sent.
pub(super) const BEARER: &str = "A token that `qlik-roster token create` has made, with the scope that the operation names, or \
     `admin`.";

/// The same as a user name.
pub(super) const BASIC: &str = "The token as the user name, with any password or none.";

/// How Qlik signs its webhooks.
const SIGNATURE: &str =
    "The signature of the body with the secret of the webhook, as Qlik makes it.";

/// Returns the document.
pub(super) fn document(described: &Described) -> Value {
    let mut paths = Map::new();
    for operation in &described.operations {
        let path = paths.entry(operation.path.clone()).or_insert(json!({}));
        if let Value::Object(verbs) = path {
            verbs.insert(operation.verb.word().to_owned(), written(operation));
        }
    }
    let answers = described.operations.iter().flat_map(|it| &it.answers);
    let named = answers.filter_map(|it| Some((it.name.clone()?, answer(it))));
    let named: Map<String, Value> = named.collect();
    let tags = Tag::ALL.map(|tag| json!({ "name": tag.name(), "description": tag.about() }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "qlik-roster",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "`server.listen` of the configuration" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": described.schemas,
            "responses": named,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": BEARER },
                "basic": { "type": "http", "scheme": "basic", "description": BASIC },
                "qlikSignature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Qlik-Signature",
                    "description": SIGNATURE,
                },
            },
        },
    })
}

fn written(operation: &Operation) -> Value {
    let Operation {
        verb: _,
        path: _,
        id,
        tag,
        summary,
        about,
        access,
        parameters,
        body,
        answers,
    } = operation;
    let mut written = json!({
        "operationId": id,
        "tags": [tag.name()],
        "summary": summary,
        "description": about,
        "security": security(*access),
        "responses": answers.iter().map(response).collect::<Map<_, _>>(),
    });
    let Value::Object(fields) = &mut written else {
        return written;
    };
    if !parameters.is_empty() {
        let parameters: Vec<Value> = parameters.iter().map(parameter).collect();
        fields.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(contents) = body {
        let body = json!({ "required": true, "content": content(contents) });
        fields.insert("requestBody".to_owned(), body);
    }
    written
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Token(scope) => json!([{ "bearer": [scope.word()] }, { "basic": [scope.word()] }]),
        Access::TokenOrNothing(scope) => {
            json!([{}, { "bearer": [scope.word()] }, { "basic": [scope.word()] }])
        }
        Access::Signed => json!([{ "qlikSignature": [] }]),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter {
        name,
        place,
        is_required,
        is_deprecated,
        may_be_empty,
        about,
        schema,
        example,
    } = parameter;
    let is_list = parameter.is_list();
    let mut written = json!({
        "name": name,
        "in": place.word(),
        "description": about,
        "required": is_required,
        "schema": schema,
    });
    let Value::Object(fields) = &mut written else {
        return written;
    };
    if is_list && *place == ParameterPlace::Query {
        fields.insert("style".to_owned(), "form".into());
        fields.insert("explode".to_owned(), false.into());
    }
    // A list of texts may have an empty one anyway.
    if *may_be_empty && !is_list {
        fields.insert("allowEmptyValue".to_owned(), true.into());
    }
    if *is_deprecated {
        fields.insert("deprecated".to_owned(), true.into());
    }
    if let Some(example) = example {
        fields.insert("example".to_owned(), example.clone());
    }
    written
}

fn response(answer: &Answer) -> (String, Value) {
    let written = match &answer.name {
        Some(name) => json!({ "$ref": format!("#/components/responses/{name}") }),
        None => self::answer(answer),
    };
    (answer.status.to_string(), written)
}

fn answer(answer: &Answer) -> Value {
    let Answer {
        name: _,
        status: _,
        about,
        headers,
        contents,
    } = answer;
    let mut written = json!({ "description": about });
    if let Value::Object(fields) = &mut written {
        if !headers.is_empty() {
            let headers: Map<String, Value> = headers.iter().map(header).collect();
            fields.insert("headers".to_owned(), headers.into());
        }
        if !contents.is_empty() {
            fields.insert("content".to_owned(), content(contents));
        }
    }
    written
}

fn header(header: &Header) -> (String, Value) {
    let Header {
        name,
        is_required,
        about,
        schema,
    } = header;
    let written = json!({ "description": about, "required": is_required, "schema": schema });
    ((*name).to_owned(), written)
}

fn content(contents: &[Content]) -> Value {
    let all = contents.iter().map(|content| {
        let Content {
            media_type,
            schema,
            example,
        } = content;
        let mut written = json!({ "schema": schema });
        if let (Some(example), Value::Object(fields)) = (example, &mut written) {
            fields.insert("example".to_owned(), example.clone());
        }
        ((*media_type).to_owned(), written)
    });
    all.collect::<Map<_, _>>().into()
}
