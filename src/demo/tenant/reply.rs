//! Answers as Qlik's services give them, each with its own kind of error envelope.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::demo::serve::break_after;

/// Who answers: `status` in an error is a number, a text or absent accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Users,
    Groups,
    Roles,
    Tenants,
    Audits,
    Spaces,
    Items,
    Licences,
    OAuth,
    /// The gateway in front of all services.
    Edge,
}

impl Service {
    /// Returns the code of one of the service's own errors, by its status.
    fn code(self, status: StatusCode) -> String {
        let nth = match status {
            StatusCode::BAD_REQUEST => 4,
            StatusCode::UNAUTHORIZED => 6,
            StatusCode::FORBIDDEN => 3,
            StatusCode::NOT_FOUND => 7,
            _ => 1,
        };
        match self {
            Self::Users => format!("USERS-{nth}"),
            Self::Groups => format!("GROUPS-{nth}"),
            Self::Roles => format!("IDENTITIES-10{}", status.as_u16() - 2),
            Self::Tenants if nth == 7 => "TENANTS-8".into(),
            Self::Tenants => format!("TENANTS-{nth}"),
            Self::Audits => format!("AUDITS-{nth}"),
            Self::Spaces => format!("SPACES-{nth}"),
            Self::Items => format!("ITEMS-{nth}"),
            Self::Licences if nth == 3 => "LICENSES-011".into(),
            Self::Licences if nth == 7 => "LICENSES-016".into(),
            Self::Licences => format!("LICENSES-00{nth}"),
            Self::OAuth => format!("OAUTH-{nth}"),
            Self::Edge => format!("LOGIN-{nth}"),
        }
    }
}

/// Returns an error in the service's envelope.
pub fn error(service: Service, status: StatusCode, title: &str, detail: &str) -> Response {
    let code = match (service, status) {
        (Service::Roles, StatusCode::NOT_FOUND) => "IDENTITIES-10402".into(),
        _ => service.code(status),
    };
    coded(service, status, &code, title, detail)
}

/// Returns an error in the service's envelope with a code of its own.
pub fn coded(
    service: Service,
    status: StatusCode,
    code: &str,
    title: &str,
    detail: &str,
) -> Response {
    let mut one = json!({"code": code, "title": title});
    let told = match service {
        Service::Users | Service::Groups => json!(status.as_u16()),
        Service::Tenants | Service::OAuth | Service::Edge => json!(status.as_u16().to_string()),
        Service::Roles | Service::Audits | Service::Spaces | Service::Items | Service::Licences => {
            Value::Null
        }
    };
    if let Some(members) = one.as_object_mut() {
        if !told.is_null() {
            members.insert("status".into(), told);
        }
        if !detail.is_empty() {
            members.insert("detail".into(), json!(detail));
        }
    }
    let mut body = json!({"errors": [one], "traceId": "0000000000000000d3a2403ffa24786d"});
    if service == Service::Licences
        && let Some(members) = body.as_object_mut()
    {
        // The envelope of this service had these members before it had `errors`.
        members.insert("error".into(), json!(title));
        members.insert("message".into(), json!(title));
    }
    json_text(status, body.to_string().into())
}

/// Qlik's 429, which blocks all endpoints of a tier.
pub fn too_many_requests(seconds: u64) -> Response {
    let detail = format!("You need to wait {seconds} seconds until limit is lifted.");
    let one = json!({"code": "HTTP-429", "title": "API rate limit reached.", "detail": detail});
    let body = json!({"errors": [one]}).to_string();
    let mut reply = json_text(StatusCode::TOO_MANY_REQUESTS, body.into());
    reply.headers_mut().insert(RETRY_AFTER, seconds.into());
    reply
}

/// JSON that is already text.
pub fn json_text(status: StatusCode, body: Bytes) -> Response {
    let mut reply = (status, body).into_response();
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// What a proxy answers in place of a service.
pub fn html(status: StatusCode, title: &str) -> Response {
    let body = format!("<!DOCTYPE html><html><head><title>{title}</title></head></html>");
    let mut reply = (status, body).into_response();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// A redirect.
pub fn redirect(to: &str) -> Response {
    let mut reply = StatusCode::FOUND.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        reply.headers_mut().insert(LOCATION, to);
    }
    reply
}

/// Sends half of a body as if it were all.
pub fn truncated(status: StatusCode, body: &Bytes) -> Response {
    json_text(status, body.slice(..body.len() / 2))
}

/// Sends half of a body and cuts the connection where the rest should be.
pub fn cut(status: StatusCode, body: &Bytes) -> Response {
    let half = body.slice(..body.len() / 2);
    let mut reply = (status, break_after(half)).into_response();
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, body.len().into());
    reply
}

/// Begins an answer that would be too large to be accepted, and cuts it short.
pub fn too_large(body: &Bytes) -> Response {
    let mut reply = (StatusCode::OK, break_after(body.clone())).into_response();
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, (1_u64 << 40).into());
    reply
}

/// Returns the status and the bytes of an answer that was made here.
pub async fn bytes_of(reply: Response) -> (StatusCode, Bytes) {
    let status = reply.status();
    let body: Body = reply.into_body();
    let bytes = axum::body::to_bytes(body, usize::MAX).await;
    (status, bytes.unwrap_or_default())
}
