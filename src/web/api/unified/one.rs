//! One record, by its id.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::asked::{are_read, asked_tenants, may_be_of_unread, respond};
use super::error::ApiError;
use super::params::Params;
use super::parts::{OneAnswer, parts};
use super::wanted::{List, RecordName};
use crate::control::{RecordRow, query};
use crate::model::{RecordRef, Scope, Timestamp};
use crate::view::UnifiedView;
use crate::web::api::caller;
use crate::web::api::shared::{Api, json};
use crate::web::connections::Peer;

/// Answers with one record.
pub(super) async fn one(
    State(api): State<Arc<Api>>,
    named: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let Path((name, id)) = named?;
        let list = List::of(&name)?;
        let params = Params::read(query.as_deref())?.of_past(api.control.now())?;
        let tenants = asked_tenants(&headers, &token)?;
        one_record(&api, &list, &id, &params, tenants).await
    };
    respond(&api, answered).await
}

async fn one_record(
    api: &Api,
    list: &List,
    id: &str,
    params: &Params,
    tenants: query::AskedTenants,
) -> Result<Response, ApiError> {
    let unknown = || unknown(list, id);
    let RecordName { record, policy } = RecordName::read(list, id).ok_or_else(unknown)?;
    let RecordRef { kind, id: record } = record;
    if params.as_of.is_some() {
        params.of_the_past()?;
    }
    let asked = query::UnifiedRecord {
        kind,
        tenants: tenants.clone(),
        id: record,
        at: params.as_of,
        expansion: params.expansion,
    };
    let page = api.control.ask(asked).await?;
    are_read(&page, &tenants)?;
    may_be_of_unread(&page)?;
    let view = UnifiedView::of(&page);
    let row = page.page.rows.first().ok_or_else(unknown)?;
    let shown = match policy {
        None => view.record(row),
        Some(policy) => {
            let mut policies = view.policies(row).into_iter();
            policies
                .find(|shown| shown.is_policy(&policy))
                .ok_or_else(unknown)?
        }
    };
    let (mut data, raw) = parts(vec![(row, shown)], params, &page);
    let data = data.pop();
    Ok(json(&OneAnswer { data, raw }))
}

/// Returns the record that an id names in the tenants that are asked about, as it was at a time;
/// `None` for now.
pub(super) async fn find(
    api: &Api,
    list: &List,
    (id, at): (&str, Option<Timestamp>),
    tenants: &query::AskedTenants,
) -> Result<RecordRow, ApiError> {
    let unknown = || unknown(list, id);
    let named = RecordName::read(list, id).ok_or_else(unknown)?;
    let asked = query::UnifiedRecord {
        kind: named.record.kind,
        tenants: tenants.clone(),
        id: named.record.id,
        at,
        expansion: query::Expansion::default(),
    };
    let page = api.control.ask(asked).await?;
    are_read(&page, tenants)?;
    may_be_of_unread(&page)?;
    page.page.rows.into_iter().next().ok_or_else(unknown)
}

/// Returns the error for an id that names nothing.
fn unknown(list: &List, id: &str) -> ApiError {
    let id = crate::printable::line(id);
    ApiError::not_found(format!("there is no {} `{id}`", list.singular()))
}
