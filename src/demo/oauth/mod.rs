//! What the token endpoints of a tenant and of the console share: requests and client
//! authentication.

mod assertion;
mod client;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::tenant::reply::{Service, coded};

pub use client::{Client, ClientProof};

/// A request for a token.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    pub grant_type: Option<String>,
    #[serde(default)]
    pub client_id: String,
    pub client_secret: Option<String>,
    pub client_assertion_type: Option<String>,
    pub client_assertion: Option<String>,
    pub scope: Option<String>,
    /// The address that was asked, which an assertion must be for.
    #[serde(skip)]
    pub endpoint: String,
}

impl Asked {
    /// Reads a request in JSON or as a form, with the secret there or in Basic authentication;
    /// returns the error answer if it cannot be read.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Box<Response>> {
        let bad =
            |code, title, detail| Box::new(refuse(StatusCode::BAD_REQUEST, code, title, detail));
        let mut asked = body_of(headers, body)
            .ok_or_else(|| bad("OAUTH-1", "Invalid request", "the body cannot be read"))?;
        if let Some((id, secret)) = basic(headers) {
            asked.client_id = id;
            asked.client_secret = Some(secret);
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        asked.endpoint = format!("http://{}/oauth/token", host.unwrap_or_default());
        Ok(asked)
    }

    /// Refuses every grant type except client credentials.
    pub fn grant(&self) -> Result<(), Box<Response>> {
        if self.grant_type.as_deref() == Some("client_credentials") {
            return Ok(());
        }
        let bad = StatusCode::BAD_REQUEST;
        Err(Box::new(refuse(
            bad,
            "OAUTH-2",
            "Unsupported grant type",
            "",
        )))
    }

    /// Returns which of a client's allowed scopes are granted.
    pub fn scopes(&self, allowed: &[String]) -> Result<String, Box<Response>> {
        let scope = self
            .scope
            .as_deref()
            .filter(|scope| !scope.trim().is_empty());
        let granted = scope.map_or_else(|| allowed.join(" "), str::to_owned);
        let foreign = |scope: &&str| !allowed.iter().any(|allowed| allowed == scope);
        if let Some(foreign) = granted.split_whitespace().find(foreign) {
            let detail = format!("scope `{foreign}` is not allowed for the client");
            let bad = StatusCode::BAD_REQUEST;
            return Err(Box::new(refuse(bad, "OAUTH-5", "Invalid scope", &detail)));
        }
        Ok(granted)
    }
}

/// Returns an answer without a token.
pub fn refuse(status: StatusCode, code: &str, title: &str, detail: &str) -> Response {
    coded(Service::OAuth, status, code, title, detail)
}

/// Returns the answer to a client that is not registered.
pub fn unknown_client() -> Response {
    let detail = "OAuth client is not authorized";
    refuse(
        StatusCode::UNAUTHORIZED,
        "OAUTH-14",
        "Invalid client_id",
        detail,
    )
}

fn body_of(headers: &HeaderMap, body: &[u8]) -> Option<Asked> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/json") {
        return serde_json::from_slice(body).ok();
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let mut asked = Asked::default();
    for (key, value) in url::form_urlencoded::parse(body).into_owned() {
        match key.as_str() {
            "grant_type" => asked.grant_type = Some(value),
            "client_id" => asked.client_id = value,
            "client_secret" => asked.client_secret = Some(value),
            "client_assertion_type" => asked.client_assertion_type = Some(value),
            "client_assertion" => asked.client_assertion = Some(value),
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
