//! Sends JSON as SCIM's media type.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;

use super::error::MEDIA_TYPE;

/// Answers with JSON of SCIM's media type.
pub(super) fn sent(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("keys of answers are texts");
    let mut response = Response::new(Body::from(body));
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
