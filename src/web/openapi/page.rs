//! Shows the description to people, as one page of HTML without scripts. It loads nothing.

mod html;
mod shape;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::{ABOUT, BASIC, BEARER};
use super::operation::{Access, Answer, Content, Operation, Parameter, ParameterPlace, Tag};
use super::routes::Described;
use html::{Html, rich};
use shape::shape;

/// How the page looks.
const STYLE: &str = include_str!("page/style.css");

/// An address for examples: the default of `server.listen`.
const HOST: &str = "http://127.0.0.1:8720";

/// Returns what a browser may do with the page: use this very style, and nothing else.
pub(super) fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("base64 is visible ASCII")
}

/// Returns the page.
pub(super) fn page(described: &Described) -> String {
    let mut page = Html::new();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.raw("<title>qlik-roster: what is served over HTTP</title>\n<style>");
    page.raw(STYLE).raw("</style>\n</head>\n<body>\n");
    page.raw("<a class=\"skip\" href=\"#main\">Skip to the description</a>\n");
    contents(&mut page, described);
    page.raw("<main id=\"main\">\n");
    introduction(&mut page);
    for tag in Tag::ALL {
        section(&mut page, described, tag);
    }
    page.raw("<section aria-labelledby=\"schemas\">\n<h2 id=\"schemas\">Schemas</h2>\n");
    for (name, schema) in &described.schemas {
        let id = format!("schema-{name}");
        page.raw("<article class=\"schema\">\n")
            .heading(3, &id, &format!("<code>{name}</code>"));
        shape(&mut page, schema);
        page.raw("</article>\n");
    }
    page.raw("</section>\n</main>\n</body>\n</html>\n");
    page.into_text()
}

fn operations(described: &Described, tag: Tag) -> impl Iterator<Item = &Operation> {
    let all = described.operations.iter();
    all.filter(move |operation| operation.tag == tag)
}

/// Writes the list of everything, which is beside the text on wide screens.
fn contents(page: &mut Html, described: &Described) {
    page.raw("<nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ul>\n");
    page.raw("<li><a href=\"#main\">Introduction</a></li>\n");
    for tag in Tag::ALL {
        let id = anchor(tag);
        page.raw("<li>").link(&format!("#{id}"), tag.name());
        page.raw("<ul>\n");
        for operation in operations(described, tag) {
            page.raw("<li>")
                .link(&format!("#{}", operation.id), &operation.summary);
            page.raw("</li>\n");
        }
        page.raw("</ul></li>\n");
    }
    page.raw("<li><a href=\"#schemas\">Schemas</a></li>\n</ul>\n</details>\n</nav>\n");
}

fn introduction(page: &mut Html) {
    page.raw("<header>\n<h1>qlik-roster</h1>\n<p class=\"version\">Version ");
    page.text(env!("CARGO_PKG_VERSION")).raw("</p>\n");
    page.paragraph(ABOUT);
    page.raw("<p>For programs: <a href=\"/openapi.json\">/openapi.json</a>, OpenAPI 3.1.</p>\n");
    page.raw("</header>\n<section aria-labelledby=\"tokens\">\n<h2 id=\"tokens\">Tokens</h2>\n");
    page.raw("<dl>\n<dt><code>Authorization: Bearer TOKEN</code></dt>\n<dd>");
    page.raw(&rich(BEARER));
    page.raw("</dd>\n<dt><code>Authorization: Basic …</code></dt>\n<dd>");
    page.raw(&rich(BASIC)).raw("</dd>\n</dl>\n</section>\n");
}

fn anchor(tag: Tag) -> String {
    let name = tag.name().to_lowercase();
    let plain = name.chars().map(|c| match c.is_ascii_alphanumeric() {
        true => c,
        false => '-',
    });
    plain.collect()
}

fn section(page: &mut Html, described: &Described, tag: Tag) {
    let id = anchor(tag);
    page.raw(&format!("<section aria-labelledby=\"{id}\">\n"));
    page.raw(&format!("<h2 id=\"{id}\">"));
    page.text(tag.name()).raw("</h2>\n").paragraph(tag.about());
    for operation in operations(described, tag) {
        article(page, operation);
    }
    page.raw("</section>\n");
}

fn article(page: &mut Html, operation: &Operation) {
    let Operation {
        verb,
        path,
        id,
        tag: _,
        summary,
        about,
        access,
        parameters,
        body,
        answers,
    } = operation;
    page.raw("<article>\n").heading(3, id, &rich(summary));
    page.raw(&format!(
        "<p class=\"line\"><span class=\"verb {}\">{}</span> <code>",
        verb.word(),
        verb.word().to_uppercase()
    ));
    page.broken(path).raw("</code></p>\n");
    page.paragraph(about);
    page.raw("<p class=\"access\">")
        .raw(&rich(&allowed(*access)))
        .raw("</p>\n");
    if !parameters.is_empty() {
        page.raw("<h4>Parameters</h4>\n<dl class=\"fields\">\n");
        for parameter in parameters {
            parameter_of(page, parameter);
        }
        page.raw("</dl>\n");
    }
    if let Some(contents) = body {
        page.raw("<h4>Body</h4>\n");
        for content in contents {
            content_of(page, content);
        }
    }
    page.raw("<h4>Example</h4>\n");
    let label = format!("Example of {}", operation.line());
    page.code(&label, &example(operation));
    page.raw("<h4>Answers</h4>\n");
    for answer in answers {
        answer_of(page, answer);
    }
    page.raw("</article>\n");
}

fn allowed(access: Access) -> String {
    match access {
        Access::Open => "No token is needed.".to_owned(),
        Access::Token(scope) => format!("A token with the scope `{scope}` is needed."),
        Access::TokenOrNothing(scope) => format!(
            "No token is needed. One that is sent must be valid and have the scope `{scope}`."
        ),
        Access::Signed => "Qlik's signature is needed, in the header `Qlik-Signature`.".to_owned(),
    }
}

fn parameter_of(page: &mut Html, parameter: &Parameter) {
    let Parameter {
        name,
        place,
        is_required,
        is_deprecated,
        may_be_empty: _,
        about,
        schema,
        example,
    } = parameter;
    page.raw("<dt><code>").broken(name).raw("</code> ");
    page.raw("<span class=\"kind\">");
    page.text(match place {
        ParameterPlace::Path => "in the path",
        ParameterPlace::Query => "in the query",
        ParameterPlace::Header => "header",
    });
    page.raw(", ");
    shape::line(page, schema);
    page.raw(match is_required {
        true => ", required",
        false => "",
    });
    page.raw(match is_deprecated {
        true => ", deprecated",
        false => "",
    });
    page.raw("</span></dt>\n<dd>").raw(&rich(about));
    if let Some(example) = example {
        page.raw(" Example: <code>")
            .broken(&plain(example))
            .raw("</code>");
    }
    page.raw("</dd>\n");
}

fn answer_of(page: &mut Html, answer: &Answer) {
    let Answer {
        name: _,
        status,
        about,
        headers,
        contents,
    } = answer;
    page.raw(&format!(
        "<details class=\"answer s{}\">\n<summary>",
        status / 100
    ));
    page.raw(&format!("<span class=\"status\">{status}</span> "));
    page.raw(&rich(about)).raw("</summary>\n");
    if !headers.is_empty() {
        page.raw("<dl class=\"fields\">\n");
        for header in headers {
            page.raw("<dt><code>")
                .text(header.name)
                .raw("</code> <span class=\"kind\">header, ");
            shape::line(page, &header.schema);
            page.raw(match header.is_required {
                true => "",
                false => ", not always there",
            });
            page.raw("</span></dt>\n<dd>")
                .raw(&rich(header.about))
                .raw("</dd>\n");
        }
        page.raw("</dl>\n");
    }
    if contents.is_empty() {
        page.raw("<p>No body.</p>\n");
    }
    for content in contents {
        content_of(page, content);
    }
    page.raw("</details>\n");
}

fn content_of(page: &mut Html, content: &Content) {
    let Content {
        media_type,
        schema,
        example,
    } = content;
    page.raw("<p class=\"media\"><code>")
        .text(media_type)
        .raw("</code></p>\n");
    shape(page, schema);
    if let Some(example) = example {
        let text = serde_json::to_string_pretty(example).unwrap_or_default();
        page.code(&format!("Example in {media_type}"), &text);
    }
}

/// Returns a command that sends a request with everything that is required.
fn example(operation: &Operation) -> String {
    let mut address = operation.path.clone();
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    match operation.access {
        Access::Token(_) => headers.push("Authorization: Bearer qlr_…".to_owned()),
        Access::Signed => headers.push("Qlik-Signature: …".to_owned()),
        Access::Open | Access::TokenOrNothing(_) => {}
    }
    for parameter in operation.parameters.iter().filter(|it| it.is_required) {
        let value = parameter.example.as_ref().map(plain).unwrap_or_default();
        match parameter.place {
            ParameterPlace::Path => {
                address = address.replace(&format!("{{{}}}", parameter.name), &value);
            }
            ParameterPlace::Query => query.push(format!("{}={value}", parameter.name)),
            ParameterPlace::Header => headers.push(format!("{}: {value}", parameter.name)),
        }
    }
    let content = operation
        .body
        .as_ref()
        .and_then(|contents| contents.first());
    if let Some(content) = content {
        headers.push(format!("Content-Type: {}", content.media_type));
    }
    let query = match query.is_empty() {
        true => String::new(),
        false => format!("?{}", query.join("&")),
    };
    let mut command = "curl".to_owned();
    for header in headers {
        command = format!("{command} -H '{header}' \\\n ");
    }
    if let Some(example) = content.and_then(|content| content.example.as_ref()) {
        command = format!("{command} -d '{example}' \\\n ");
    }
    format!("{command} '{HOST}{address}{query}'")
}

/// Returns a value as it is sent in an address or a header.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
