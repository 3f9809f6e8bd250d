//! `POST /oauth/token`: a token for one of the clients that the tenant knows.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use crate::demo::oauth::{Asked, refuse, unknown_client};

use super::faults::Fault;
use super::inner::Inner;
use super::limits::Tier;
use super::options::ExpiryShown;
use super::reply::{json_text, too_many_requests};
use super::tokens::{Caller, Sight};

/// Answers a request for a token.
pub fn token(tenant: &Inner, headers: &HeaderMap, body: &[u8], faults: &[Fault]) -> Response {
    given(tenant, headers, body, faults).unwrap_or_else(|refused| *refused)
}

fn given(
    tenant: &Inner,
    headers: &HeaderMap,
    body: &[u8],
    faults: &[Fault],
) -> Result<Response, Box<Response>> {
    let asked = Asked::read(headers, body)?;
    let now = tenant.clock.now();
    tenant
        .limits
        .admit(&asked.client_id, Tier::Two, now)
        .map_err(|seconds| Box::new(too_many_requests(seconds)))?;
    asked.grant()?;
    let member = tenant
        .members
        .iter()
        .find(|member| member.client.id == asked.client_id)
        .ok_or_else(|| Box::new(unknown_client()))?;
    member.client.check(&asked, now)?;
    fails(faults)?;
    let granted = asked.scopes(&member.scopes)?;
    let full = granted
        .split_whitespace()
        .any(|scope| scope == "admin_classic");
    let caller = Caller {
        user: tenant.bot(member),
        sight: if full { Sight::Full } else { Sight::UsersOnly },
    };
    let access_token = tenant.tokens.issue(caller, now);
    let mut answer = json!({
        "access_token": access_token, "token_type": "bearer", "scope": granted,
    });
    if let (ExpiryShown::Yes, Some(members)) = (tenant.expiry_shown, answer.as_object_mut()) {
        let ends = now.plus(tenant.token_lifetime);
        let seconds = tenant.token_lifetime.as_secs();
        members.insert("expires_in".into(), json!(seconds));
        members.insert("expires_at".into(), json!(ends.to_string()));
    }
    Ok(json_text(StatusCode::OK, answer.to_string().into()))
}

/// Refuses a client that is known and has authenticated, if a fault says so.
fn fails(faults: &[Fault]) -> Result<(), Box<Response>> {
    let refused = if faults.contains(&Fault::WrongSecret) {
        refuse(
            StatusCode::UNAUTHORIZED,
            "OAUTH-16",
            "Invalid client credentials",
            "client_secret is not valid",
        )
    } else if faults.contains(&Fault::M2mNotAllowed) {
        refuse(
            StatusCode::BAD_REQUEST,
            "OAUTH-11",
            "Unauthorized grant type",
            "client is not allowed to use the client_credentials grant",
        )
    } else if faults.contains(&Fault::ConsentNotTrusted) {
        refuse(
            StatusCode::FORBIDDEN,
            "OAUTH-19",
            "Consent required",
            "consent method of the client must be trusted",
        )
    } else {
        return Ok(());
    };
    Err(Box::new(refused))
}
