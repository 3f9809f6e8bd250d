//! Serves the description, beside what it describes.

use std::future::{Ready, ready};

use axum::Router;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;

use super::document::document;
use super::operation::{Answer, Content, Operation, Tag, Verb};
use super::page::{page, policy};
use super::routes::Routes;
use super::schema::{constant, open, text};

/// Returns the router of all routes, with two more that describe them.
pub(in crate::web) fn served(routes: Routes) -> Router {
    let mut described = routes.described.clone();
    described.operations.extend([of_document(), of_page()]);
    let document = document(&described).to_string();
    let page = page(&described);
    let policy = policy();
    let own = Routes::new()
        .route(
            "/openapi.json",
            get(sent("application/json", document.into(), None)),
            vec![of_document()],
        )
        .route(
            "/docs",
            get(sent("text/html; charset=utf-8", page.into(), Some(policy))),
            vec![of_page()],
        );
    routes.merge(own).into_router()
}

fn of_document() -> Operation {
    let about = "OpenAPI 3.1, as programs read it. It needs no token and says nothing of what is \
                 known.";
    let document = open(vec![("openapi", constant("3.1.0"))]);
    Operation::new(
        Verb::Get,
        "/openapi.json",
        "getDescription",
        Tag::Description,
    )
    .says("This description for programs", about)
    .answers([Answer::json(200, "The document.", document)])
}

fn of_page() -> Operation {
    let about = "The same as `/openapi.json`. The page has no script and loads nothing.";
    let page = Content::new("text/html", text());
    Operation::new(Verb::Get, "/docs", "getPage", Tag::Description)
        .says("This description for people", about)
        .answers([Answer::empty(200, "The page.").with(page)])
}

/// Returns what answers with a text that never changes.
fn sent(
    media_type: &'static str,
    body: Bytes,
    policy: Option<HeaderValue>,
) -> impl Fn() -> Ready<Response> + Clone + Send + Sync + 'static {
    move || {
        let mut answer = Response::new(Body::from(body.clone()));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(policy) = &policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        ready(answer)
    }
}
