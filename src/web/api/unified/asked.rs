//! Which tenants a request asks about, and whether they can be answered about.

use axum::http::HeaderMap;
use axum::response::Response;

use super::error::ApiError;
use crate::control::{UnifiedPage, query};
use crate::model::ApiToken;
use crate::web::api::shared::Api;

/// The header that says which tenant is asked about.
const ACCOUNT: &str = "x-account-id";

/// The account that stands for all tenants that a token may read.
pub(super) const ALL: &str = "*";

/// Waits for an answer. An error is answered with the present time.
pub(super) async fn respond(
    api: &Api,
    answered: impl Future<Output = Result<Response, ApiError>>,
) -> Response {
    let answered = answered.await;
    answered.unwrap_or_else(|error| error.answer(api.control.now()))
}

/// Returns which tenants a request asks about, and which of them its token may read.
pub(super) fn asked_tenants(
    headers: &HeaderMap,
    token: &ApiToken,
) -> Result<query::AskedTenants, ApiError> {
    let called = headers.get(ACCOUNT).map(|value| value.to_str());
    let called = match called {
        Some(Ok(called)) if !called.trim().is_empty() => called.trim(),
        Some(Ok(_) | Err(_)) | None => {
            return Err(ApiError::invalid(format!(
                "the header `{ACCOUNT}` is missing: send a tenant's name or id, or `{ALL}` for all \
                 that the token may read; `GET /accounts` lists them"
            )));
        }
    };
    Ok(query::AskedTenants {
        called: (called != ALL).then(|| called.to_owned()),
        covered: token.tenants.clone(),
    })
}

/// Fails if a tenant that is asked for by name was not read in full yet: an answer that leaves
/// something out would look like one that does not.
pub(super) fn are_read(page: &UnifiedPage, asked: &query::AskedTenants) -> Result<(), ApiError> {
    match page.not_read.first() {
        Some(first) if asked.called.is_some() => Err(ApiError::not_read(&first.0)),
        Some(_) | None => Ok(()),
    }
}

/// Fails if a record that was not found may be one of a tenant that was not read in full yet.
pub(super) fn may_be_of_unread(page: &UnifiedPage) -> Result<(), ApiError> {
    match page.not_read.first() {
        Some(first) if page.page.rows.is_empty() => Err(ApiError::not_read(&first.0)),
        Some(_) | None => Ok(()),
    }
}
