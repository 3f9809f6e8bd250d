//! Why a request is not answered, in SCIM's form (RFC 7644, 3.12).

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::media;
use crate::control::{ControlError, ScimRefusal, SentError};
use crate::model::TenantName;
use crate::model::scim::ScimFilterError;
use crate::web::api::caller::Refused;

/// The schema of errors.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// When to ask again about a tenant that was not read in full yet. Nobody knows how long that
/// takes; most tenants take a few minutes.
const NOT_READ_WAIT: Duration = Duration::from_secs(60);

/// An answer other than success.
#[derive(Debug)]
pub(super) struct ScimError {
    status: StatusCode,
    scim_type: Option<ScimErrorType>,
    detail: String,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

/// The kinds of errors that SCIM has words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScimErrorType {
    InvalidFilter,
    InvalidSyntax,
    InvalidValue,
    InvalidPath,
    TooMany,
    InvalidCursor,
    ExpiredCursor,
    InvalidCount,
}

impl ScimErrorType {
    fn word(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::InvalidPath => "invalidPath",
            Self::TooMany => "tooMany",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

impl ScimError {
    /// Returns an error with a status.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
            retry_after: None,
            allow: None,
        }
    }

    /// Returns the error for a request that is not valid.
    pub(super) fn invalid(scim_type: ScimErrorType, detail: impl Into<String>) -> Self {
        Self {
            scim_type: Some(scim_type),
            ..Self::new(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// Returns the error for something that does not exist.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Returns the error for a method that an address does not have.
    pub(super) fn not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("tenants are read here, not changed: this address answers {allow}"),
            )
        }
    }

    /// Returns the error for a client that takes no JSON.
    pub(super) fn not_acceptable() -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            format!("answers are `{}` or `{}`", media::SCIM, media::JSON),
        )
    }

    /// Returns the error for tenants of which none was read in full yet.
    pub(super) fn not_read(tenant: &TenantName) -> Self {
        let detail = format!(
            "`{tenant}` was not read in full yet, so an answer would leave something out; ask \
             again later, or see `qlik-roster status`"
        );
        Self {
            retry_after: Some(NOT_READ_WAIT),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// Returns the response.
    pub(super) fn answer(self) -> Response {
        let Self {
            status,
            scim_type,
            detail,
            retry_after,
            allow,
        } = self;
        let mut body = json!({
            "schemas": [ERROR],
            "status": status.as_u16().to_string(),
            "detail": detail,
        });
        if let (Some(scim_type), Some(fields)) = (scim_type, body.as_object_mut()) {
            fields.insert("scimType".to_owned(), json!(scim_type.word()));
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media::SCIM));
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Some(allow) = allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if status == StatusCode::UNAUTHORIZED {
            let schemes = HeaderValue::from_static("Bearer realm=\"qlik-roster\"");
            headers.insert(WWW_AUTHENTICATE, schemes);
            let basic = HeaderValue::from_static("Basic realm=\"qlik-roster\"");
            headers.append(WWW_AUTHENTICATE, basic);
        }
        response
    }
}

impl From<Refused> for ScimError {
    fn from(refused: Refused) -> Self {
        let unauthorized = |detail: &str| Self::new(StatusCode::UNAUTHORIZED, detail);
        match refused {
            Refused::NoToken => unauthorized(
                "the request has no token: send it as `Authorization: Bearer TOKEN`; \
                 `qlik-roster token create NAME --scope scim` makes one",
            ),
            Refused::WrongToken => unauthorized(
                "the token does not exist, was revoked or has expired; `qlik-roster token list` \
                 lists the tokens",
            ),
            Refused::TooMany(wait) => Self {
                retry_after: Some(wait),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many requests with wrong tokens came from this address",
                )
            },
            Refused::NotAllowed(scope) => Self::new(
                StatusCode::FORBIDDEN,
                format!("the token does not have the scope `{scope}`"),
            ),
            Refused::Control(error) => error.into(),
        }
    }
}

impl From<ControlError> for ScimError {
    fn from(error: ControlError) -> Self {
        let status = crate::web::socket::status(&error);
        Self::new(status, SentError::of(&error).to_string())
    }
}

impl From<ScimFilterError> for ScimError {
    fn from(error: ScimFilterError) -> Self {
        let detail = format!("the filter is wrong {error}");
        let detail = match error.at {
            Some(_) => detail,
            None => error.to_string(),
        };
        Self::invalid(ScimErrorType::InvalidFilter, detail)
    }
}

impl From<ScimRefusal> for ScimError {
    fn from(refusal: ScimRefusal) -> Self {
        match refusal {
            ScimRefusal::Filter(error) => error.into(),
            ScimRefusal::TooManyToSort { most } => Self::invalid(
                ScimErrorType::TooMany,
                format!(
                    "more than {most} resources match, which are too many to be sorted; leave out \
                     `sortBy`, or use a narrower filter"
                ),
            ),
            ScimRefusal::NotSortable => Self::invalid(
                ScimErrorType::InvalidPath,
                "`sortBy` does not name an attribute with single values; `/Schemas` lists the \
                 attributes",
            ),
            ScimRefusal::TooManyInSpaces { most } => Self::invalid(
                ScimErrorType::TooMany,
                format!(
                    "users have more than {most} roles in spaces together; ask for fewer users at \
                     once, without `entitlements` in the filter, or exclude `entitlements` and `meta`"
                ),
            ),
            ScimRefusal::TooManyMembers { most } => Self::invalid(
                ScimErrorType::TooMany,
                format!(
                    "these groups have more than {most} members together; ask for fewer of them at \
                     once, or for users with the filter `groups.value eq \"ID\"`"
                ),
            ),
        }
    }
}
