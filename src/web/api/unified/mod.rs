//! `/unified/iam/…` and `/accounts`: shows records as StackOne's IAM API v1 does, so that software
//! written for that API can read ours.
//!
//! Sources: StackOne's published `OpenAPI` document of its IAM API, for paths, parameters,
//! envelopes and errors.

mod access;
mod accounts;
mod asked;
mod cursor;
mod described;
mod error;
mod lists;
mod one;
mod params;
mod parts;
mod wanted;

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::{any, get};

use super::caller;
use super::shared::Api;
use crate::model::Scope;
use crate::web::connections::Peer;
use crate::web::openapi::Routes;

pub(super) use described::problems;
pub(super) use error::ApiError;
pub(super) use params::whole;

/// Makes the routes.
pub(super) fn routes(api: Arc<Api>) -> Routes {
    Routes::new()
        .route(
            "/unified/iam/{list}",
            get(lists::list).fallback(not_offered),
            described::of_lists(),
        )
        .route(
            "/unified/iam/{list}/{id}",
            get(one::one).fallback(not_offered),
            described::of_records(),
        )
        .route(
            "/unified/iam/groups/{id}/members",
            get(lists::members).fallback(not_offered),
            vec![described::of_members()],
        )
        .route(
            "/unified/iam/roles/{id}/holders",
            get(access::holders).fallback(not_offered),
            vec![described::of_holders()],
        )
        .route(
            "/unified/iam/users/{id}/access",
            get(access::of_user).fallback(not_offered),
            vec![described::of_user()],
        )
        .unlisted("/unified/{*rest}", any(not_offered))
        .route(
            "/accounts",
            get(accounts::accounts).fallback(not_offered),
            vec![described::of_accounts()],
        )
        .route(
            "/accounts/{id}",
            get(accounts::account).fallback(not_offered),
            vec![described::of_account()],
        )
        .schemas(described::schemas())
        .with_state(api)
}

/// Answers requests that StackOne's API has and we do not offer.
async fn not_offered(
    State(api): State<Arc<Api>>,
    Extension(Peer(from)): Extension<Peer>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let error = match caller::admit(&api, &headers, from, Scope::Read).await {
        Ok(_) if writes(&method) || method == Method::GET => ApiError::not_offered(
            "this is not offered: tenants are read, not changed, and users, roles, groups and \
             policies are all there is",
        ),
        Ok(_) => ApiError::not_allowed(),
        Err(refused) => refused.into(),
    };
    error.answer(api.control.now())
}

/// Returns whether a method is one by which StackOne's clients change something.
fn writes(method: &Method) -> bool {
    let all = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    all.contains(method)
}
