//! `/accounts`: the tenants that a token may read, as StackOne lists linked accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::asked::respond;
use super::error::ApiError;
use super::wanted;
use crate::control::{UnifiedTenant, query};
use crate::model::{ApiToken, Scope};
use crate::view;
use crate::web::api::caller;
use crate::web::api::shared::Api;
use crate::web::connections::Peer;

/// How many accounts a page has if the request does not say.
const ACCOUNTS_PAGE: usize = 25;

/// Answers with a page of the tenants that a token may read.
pub(super) async fn accounts(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let (page, size) = wanted::accounts_page(query.as_deref(), ACCOUNTS_PAGE)?;
        let tenants = tenants_of_page(&api, &token, page, size).await?;
        let now = api.control.now();
        let rows = tenants.iter();
        let rows: Vec<Value> = rows
            .map(|tenant| view::unified_account(tenant, now))
            .collect();
        Ok(Json(rows).into_response())
    };
    respond(&api, answered).await
}

/// Answers with one tenant.
pub(super) async fn account(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let Path(id) = id?;
        let tenants = query::AskedTenants {
            called: Some(id),
            covered: token.tenants.clone(),
        };
        let asked = query::UnifiedTenants {
            tenants,
            after: None,
            limit: 1,
        };
        let found = api.control.ask(asked).await?;
        let found = found.rows.first();
        let found = found.ok_or_else(|| ApiError::not_found("there is no such tenant"))?;
        Ok(Json(view::unified_account(found, api.control.now())).into_response())
    };
    respond(&api, answered).await
}

/// Returns the tenants of a page, counted from 1, of those that a token may read.
async fn tenants_of_page(
    api: &Api,
    token: &ApiToken,
    page: usize,
    size: usize,
) -> Result<Vec<UnifiedTenant>, ApiError> {
    let mut after = None;
    for number in 1.. {
        let asked = query::UnifiedTenants {
            tenants: query::AskedTenants {
                called: None,
                covered: token.tenants.clone(),
            },
            after,
            limit: size,
        };
        let found = api.control.ask(asked).await?;
        if number == page {
            return Ok(found.rows);
        }
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Vec::new())
}
