//! Who makes a request: recognizes the token in its `Authorization` header.
//!
//! `Bearer TOKEN` is accepted, and so is `Basic` with the token as the user name, since clients of
//! StackOne send their keys that way. A password is ignored.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::shared::Api;
use crate::control::ControlError;
use crate::model::{ApiToken, Scope};

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Refused {
    /// It has no token.
    NoToken,
    /// Its token does not exist, was revoked or has expired.
    WrongToken,
    /// Its token is wrong, like those of too many recent requests from its address.
    TooMany(Duration),
    /// Its token does not allow this scope.
    NotAllowed(Scope),
    /// Its token could not be looked up.
    Control(ControlError),
}

/// Returns the token of a request if it allows what the request asks for.
pub(super) async fn admit(
    api: &Api,
    headers: &HeaderMap,
    from: Option<IpAddr>,
    scope: Scope,
) -> Result<Arc<ApiToken>, Refused> {
    let Some(presented) = presented(headers) else {
        return Err(Refused::NoToken);
    };
    let found = api.control.recognize(&presented).await;
    match found.map_err(Refused::Control)? {
        Some(token) if token.allows(scope) => Ok(token),
        Some(_) => Err(Refused::NotAllowed(scope)),
        None => Err(match api.throttle.fail(from, Instant::now()) {
            Some(wait) => Refused::TooMany(wait),
            None => Refused::WrongToken,
        }),
    }
}

/// Returns the token that a request presents; `None` if it presents nothing that could be one.
fn presented(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD
        .decode(rest)
        .or_else(|_| STANDARD_NO_PAD.decode(rest));
    let text = String::from_utf8(decoded.ok()?).ok()?;
    let user = text.split_once(':').map_or(&*text, |(user, _)| user);
    Some(user.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn header(value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).unwrap();
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_user_name() {
        // `Basic` has an empty password, no password, and no padding.
        for value in [
            "Bearer qlr_abc",
            "bearer  qlr_abc ",
            "Basic cWxyX2FiYzo=",
            "Basic cWxyX2FiYw==",
            "BASIC cWxyX2FiYw",
        ] {
            let presented = presented(&header(value));
            assert_eq!(presented.as_deref(), Some("qlr_abc"), "{value}");
        }
        for value in ["", "qlr_abc", "Digest qlr_abc", "Basic ***", "Basic /w=="] {
            assert_eq!(presented(&header(value)), None, "{value}");
        }
        assert_eq!(presented(&HeaderMap::new()), None);
    }
}
