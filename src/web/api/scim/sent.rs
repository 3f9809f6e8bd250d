//! Sends JSON as SCIM's media type, and says in headers what is missing.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;

use super::media;
use crate::model::TenantName;
use crate::model::scim::in_path;

/// Answers with JSON of SCIM's media type.
pub(super) fn sent(value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("keys of answers are texts");
    let mut response = Response::new(Body::from(body));
    let media_type = HeaderValue::from_static(media::SCIM);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// The headers that say which tenants are missing from an answer. They are headers, since clients
/// refuse messages with attributes that the standard does not have.
pub(super) const NOT_READ: &str = "qlik-roster-not-read";
pub(super) const NOT_READ_COUNT: &str = "qlik-roster-not-read-count";

/// The most tenants that are named: proxies limit the length of headers to a few kilobytes.
const MAX_NAMED: usize = 20;

/// Says in headers which tenants are missing, if any are.
pub(super) fn say_not_read(response: &mut Response, tenants: &[TenantName], count: u64) {
    if count == 0 {
        return;
    }
    let names = tenants.iter().take(MAX_NAMED);
    let names: Vec<String> = names.map(|name| in_path(&name.0).to_string()).collect();
    let headers = response.headers_mut();
    if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(NOT_READ, names);
    }
    headers.insert(NOT_READ_COUNT, HeaderValue::from(count));
}
