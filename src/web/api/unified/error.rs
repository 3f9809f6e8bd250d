//! Why a request is not answered, in the words and the shape of StackOne's API.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::control::{ControlError, SentError};
use crate::model::{EventId, Timestamp};
use crate::web::api::caller::Refused;

/// An answer other than success.
#[derive(Debug)]
pub(in crate::web::api) struct ApiError {
    status: StatusCode,
    /// StackOne's word for it, if there is one.
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    /// Fields of ours.
    more: Map<String, Value>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            more: Map::new(),
        }
    }

    /// Returns the error for a request that is not valid.
    pub(in crate::web::api) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    /// Returns the error for a record that does not exist.
    pub(in crate::web::api) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFoundError", message)
    }

    /// Returns the error for something that is not offered for this source.
    pub(in crate::web::api) fn not_offered(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplementedError", message)
    }

    /// Returns the error for a method that no address of the API has.
    pub(super) fn not_allowed() -> Self {
        let message = "this address answers GET and HEAD";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "MethodNotAllowedError", message)
    }

    /// Returns the error for a tenant that was not read in full yet.
    pub(in crate::web::api) fn not_read(tenant: &str) -> Self {
        let message = format!(
            "`{tenant}` was not read in full yet, so an answer would leave something out; ask \
             again later, or see `qlik-roster status`"
        );
        let status = StatusCode::PRECONDITION_FAILED;
        Self::new(status, "AccountIntegrationInactiveError", message)
    }

    /// Returns the error for a request that cannot be answered now, but later.
    pub(in crate::web::api) fn unavailable(message: impl Into<String>, wait: Duration) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self {
            retry_after: Some(wait),
            ..Self::new(status, "ServiceUnavailableError", message)
        }
    }

    /// Returns the error for a client that asks for too much at one time.
    pub(in crate::web::api) fn too_many(message: impl Into<String>, wait: Duration) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self {
            retry_after: Some(wait),
            ..Self::new(status, "TooManyRequestsError", message)
        }
    }

    /// Returns the error for events that cannot be read on from a position.
    fn gone(message: String, reason: &str, oldest: EventId) -> Self {
        let more = [
            ("reason", json!(reason)),
            ("oldest", json!(oldest.to_string())),
        ];
        Self {
            more: more
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
            ..Self::new(StatusCode::GONE, "GoneError", message)
        }
    }

    /// Returns the status and the message.
    #[cfg(test)]
    pub(in crate::web::api) fn said(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.message)
    }

    /// Returns the response. `now` becomes its timestamp.
    pub(in crate::web::api) fn answer(self, now: Timestamp) -> Response {
        let Self {
            status,
            code,
            message,
            retry_after,
            more,
        } = self;
        let mut body = json!({
            "statusCode": status.as_u16(),
            "message": message,
            "timestamp": now,
            "errorCode": code,
        });
        if let Value::Object(fields) = &mut body {
            fields.extend(more);
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            for scheme in [
                "Basic realm=\"qlik-roster\"",
                "Bearer realm=\"qlik-roster\"",
            ] {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        if [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED].contains(&status) {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// A part of the path that is not UTF-8 names nothing.
impl From<PathRejection> for ApiError {
    fn from(_rejected: PathRejection) -> Self {
        Self::not_found("the path is not UTF-8, so there is nothing at this address")
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let unauthorized = |message: &str| {
            let code = "AccountInvalidCredentialsError";
            Self::new(StatusCode::UNAUTHORIZED, code, message)
        };
        match refused {
            Refused::NoToken => unauthorized(
                "the request has no token: send it as `Authorization: Bearer TOKEN`, or as the \
                 user name of `Authorization: Basic`; `qlik-roster token create` makes one",
            ),
            Refused::WrongToken => unauthorized(
                "the token does not exist, was revoked or has expired; `qlik-roster token list` \
                 lists the tokens",
            ),
            Refused::TooMany(wait) => Self::too_many(
                "too many requests with wrong tokens came from this address",
                wait,
            ),
            Refused::NotAllowed(scope) => Self::new(
                StatusCode::FORBIDDEN,
                "ForbiddenError",
                format!("the token does not have the scope `{scope}`"),
            ),
            Refused::Control(error) => error.into(),
        }
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        if let ControlError::PositionGone { why, oldest } = error {
            return Self::gone(error.to_string(), why.word(), oldest);
        }
        let status = crate::web::socket::status(&error);
        let code = match status {
            StatusCode::BAD_REQUEST => "ValidationError",
            StatusCode::NOT_FOUND => "NotFoundError",
            StatusCode::CONFLICT => "ConflictError",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
            _other => "InternalServerError",
        };
        Self::new(status, code, SentError::of(&error).to_string())
    }
}
