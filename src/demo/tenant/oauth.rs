//! `POST /oauth/token`: client credentials in JSON, in a form or in Basic.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::faults::Fault;
use super::limits::Tier;
use super::options::ExpiryTold;
use super::query::pairs;
use super::reply::{Service, coded, json_text, too_many_requests};
use super::tokens::{Caller, Sight};
use super::{Inner, NewUser};

#[derive(Debug, Default, Deserialize)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// Answers a request for a token.
pub fn token(tenant: &Inner, headers: &HeaderMap, body: &[u8], faults: &[Fault]) -> Response {
    let bad = StatusCode::BAD_REQUEST;
    let Some(mut asked) = read(headers, body) else {
        return refuse(bad, "OAUTH-1", "Invalid request", "the body cannot be read");
    };
    if let Some((id, secret)) = basic(headers) {
        asked.client_id = Some(id);
        asked.client_secret = Some(secret);
    }
    let client_id = asked.client_id.unwrap_or_default();
    let now = tenant.clock.now();
    if let Err(seconds) = tenant.limits.admit(&client_id, Tier::Two, now) {
        return too_many_requests(seconds);
    }
    if asked.grant_type.as_deref() != Some("client_credentials") {
        return refuse(bad, "OAUTH-2", "Unsupported grant type", "");
    }
    if client_id != tenant.client_id {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "OAUTH-14",
            "Invalid client_id",
            "OAuth client is not authorized",
        );
    }
    let secret = asked.client_secret.unwrap_or_default();
    if !tenant.takes_secret(&secret) || faults.contains(&Fault::WrongSecret) {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "OAUTH-16",
            "Invalid client credentials",
            "client_secret is not valid",
        );
    }
    if faults.contains(&Fault::M2mNotAllowed) {
        return refuse(
            bad,
            "OAUTH-11",
            "Unauthorized grant type",
            "client is not allowed to use the client_credentials grant",
        );
    }
    if faults.contains(&Fault::ConsentNotTrusted) {
        return refuse(
            StatusCode::FORBIDDEN,
            "OAUTH-19",
            "Consent required",
            "consent method of the client must be trusted",
        );
    }
    let scope = asked.scope.filter(|scope| !scope.trim().is_empty());
    let granted = scope.clone().unwrap_or_else(|| tenant.scopes.join(" "));
    let foreign = |scope: &str| !tenant.scopes.iter().any(|allowed| allowed == scope);
    if let Some(foreign) = granted.split_whitespace().find(|scope| foreign(scope)) {
        let detail = format!("scope `{foreign}` is not allowed for the client");
        return refuse(bad, "OAUTH-5", "Invalid scope", &detail);
    }
    let full = granted
        .split_whitespace()
        .any(|scope| scope == "admin_classic");
    let caller = Caller {
        user: tenant.bot(),
        sight: if full { Sight::Full } else { Sight::UsersOnly },
    };
    let access_token = tenant.tokens.issue(caller, now);
    let mut answer = json!({
        "access_token": access_token, "token_type": "bearer", "scope": granted,
    });
    if let (ExpiryTold::Yes, Some(members)) = (tenant.expiry_told, answer.as_object_mut()) {
        let ends = now.plus(tenant.token_lifetime);
        let seconds = tenant.token_lifetime.as_secs();
        members.insert("expires_in".into(), json!(seconds));
        members.insert("expires_at".into(), json!(ends.to_string()));
    }
    json_text(StatusCode::OK, answer.to_string().into())
}

/// The user that a new client acts as, which is listed among the people.
pub fn bot_user(client_id: &str) -> NewUser {
    NewUser {
        subject: Some(format!("qlikbot\\{client_id}")),
        client_id: Some(client_id.to_owned()),
        ..NewUser::named("Roster OAuth client")
    }
}

fn refuse(status: StatusCode, code: &str, title: &str, detail: &str) -> Response {
    coded(Service::OAuth, status, code, title, detail)
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/json") {
        return serde_json::from_slice(body).ok();
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let mut asked = Asked::default();
    for (key, value) in pairs(std::str::from_utf8(body).ok()?) {
        match key.as_str() {
            "grant_type" => asked.grant_type = Some(value),
            "client_id" => asked.client_id = Some(value),
            "client_secret" => asked.client_secret = Some(value),
            "scope" => asked.scope = Some(value),
            _ => {}
        }
    }
    Some(asked)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
