//! `/unified/iam/…` and `/accounts`: shows records as StackOne's IAM API v1 does, so that software
//! written for that API can read ours.
//!
//! Sources: StackOne's published `OpenAPI` document of its IAM API, for paths, parameters,
//! envelopes and errors.

mod cursor;
mod error;
mod params;
mod wanted;

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::caller;
use super::shared::Api;
use crate::control::{RecordPosition, RecordRow, UnifiedPage, UnifiedTenant, query};
use crate::model::{ApiToken, RecordRef, Scope, TenantName};
use crate::view::{self, UnifiedShown, UnifiedView};
use crate::web::connections::Peer;

use cursor::PageStart;
use error::ApiError;
use params::{Params, Raw};
use wanted::{List, RecordName};

/// The header that says which tenant is asked about.
const ACCOUNT: &str = "x-account-id";

/// The account that stands for all tenants that a token may read.
const ALL: &str = "*";

/// How many accounts a page has if the request does not say.
const ACCOUNTS_PAGE: usize = 25;

/// Makes the routes.
pub(super) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/unified/iam/{list}", get(list).fallback(not_offered))
        .route("/unified/iam/{list}/{id}", get(one).fallback(not_offered))
        .route("/unified/{*rest}", any(not_offered))
        .route("/accounts", get(accounts).fallback(not_offered))
        .route("/accounts/{id}", get(account).fallback(not_offered))
        .with_state(api)
}

/// Waits for an answer. An error is answered with the present time.
async fn respond(
    api: &Api,
    answered: impl Future<Output = Result<Response, ApiError>>,
) -> Response {
    let answered = answered.await;
    answered.unwrap_or_else(|error| error.answer(api.control.now()))
}

/// The answer to a request for a list.
#[derive(Serialize)]
struct ListAnswer<'a> {
    next: Option<&'a str>,
    next_page: Option<&'a str>,
    data: Vec<Part<'a>>,
    raw: Option<Vec<RawAnswer<'a>>>,
    /// Tenants that are missing from the list, because they were not read in full yet. This field
    /// is ours, not StackOne's.
    not_read: &'a [TenantName],
    /// How many these are, if they are too many to be named. Ours.
    not_read_count: u64,
}

/// A record, in full or with the requested fields only.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "records in full are nearly all there is"
)]
enum Part<'a> {
    Full(UnifiedShown<'a>),
    Fields(Value),
}

/// The source's own answer about a record.
#[derive(Serialize)]
struct RawAnswer<'a> {
    method: &'static str,
    url: String,
    body: Option<&'a str>,
    response: Option<&'a RawValue>,
}

async fn list(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let list = List::of(&name)?;
        let params = Params::read(query.as_deref())?;
        let tenants = asked_tenants(&headers, &token)?;
        list_page(&api, list, params, tenants).await
    };
    respond(&api, answered).await
}

async fn list_page(
    api: &Api,
    list: List,
    params: Params,
    tenants: query::AskedTenants,
) -> Result<Response, ApiError> {
    let account = tenants.called.as_deref().unwrap_or(ALL);
    let asked = format!("{} {account} {:?}", list.word(), params.updated_after);
    let begin = match &params.next {
        Some(text) => PageStart::read(text, &asked)?,
        None => PageStart::default(),
    };
    let page = query::UnifiedRecords {
        kind: list.kind(),
        tenants: tenants.clone(),
        changed_since: params.updated_after,
        expansion: params.expansion,
        after: begin.after.clone(),
        limit: params.page_size,
    };
    let page = api.control.ask(page).await?;
    are_read(&page, &tenants)?;
    let view = UnifiedView::of(&page);
    let (shown, next) = match list {
        List::Records(_) => {
            let rows = page.page.rows.iter();
            let shown = rows.map(|row| (row, view.record(row))).collect();
            let next = page.page.next.clone();
            let next = next.map(|after| PageStart {
                after: Some(after),
                within: None,
            });
            (shown, next)
        }
        List::Policies => policies(&page, &view, begin, params.page_size),
    };
    let next = next.map(|cursor| cursor.write(&asked));
    let (data, raw) = parts(shown, &params, &page);
    let answer = ListAnswer {
        next: next.as_deref(),
        next_page: next.as_deref(),
        data,
        raw,
        not_read: &page.not_read,
        not_read_count: page.n_not_read,
    };
    Ok(Json(answer).into_response())
}

type ShownRow<'a> = (&'a RecordRow, UnifiedShown<'a>);

/// Returns a page of policies, and where the next one begins. A role has up to two.
fn policies<'a>(
    page: &'a UnifiedPage,
    view: &UnifiedView<'a>,
    begin: PageStart,
    limit: usize,
) -> (Vec<ShownRow<'a>>, Option<PageStart>) {
    let mut shown = Vec::new();
    let PageStart { mut after, within } = begin;
    for row in &page.page.rows {
        let role = RecordPosition {
            tenant: row.tenant.clone(),
            id: row.record.id().clone(),
        };
        let policies = view.policies(row);
        // The role may be gone, and then another one comes first.
        let last = within.as_ref().filter(|(of, _)| *of == role);
        let last = last.and_then(|(_, id)| policies.iter().position(|it| it.is_policy(id)));
        let n_given = last.map_or(0, |last| last + 1);
        for policy in policies.into_iter().skip(n_given) {
            if shown.len() == limit {
                let within = within_role(&shown, role);
                return (shown, Some(PageStart { after, within }));
            }
            shown.push((row, policy));
        }
        after = Some(role);
    }
    let next = page.page.next.clone();
    let next = next.map(|after| PageStart {
        after: Some(after),
        within: None,
    });
    (shown, next)
}

/// Returns the last policy of a page if it belongs to a role.
fn within_role(shown: &[ShownRow<'_>], role: RecordPosition) -> Option<(RecordPosition, String)> {
    let (row, policy) = shown.last()?;
    let is_its = row.tenant == role.tenant && *row.record.id() == role.id;
    let id = policy.policy_id().filter(|_| is_its)?;
    Some((role, id.to_owned()))
}

async fn one(
    State(api): State<Arc<Api>>,
    Path((name, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let list = List::of(&name)?;
        let params = Params::read(query.as_deref())?;
        let tenants = asked_tenants(&headers, &token)?;
        one_record(&api, list, &id, &params, tenants).await
    };
    respond(&api, answered).await
}

async fn one_record(
    api: &Api,
    list: List,
    id: &str,
    params: &Params,
    tenants: query::AskedTenants,
) -> Result<Response, ApiError> {
    let unknown = || {
        let id = crate::printable::line(id);
        ApiError::not_found(format!("there is no {} `{id}`", list.singular()))
    };
    let RecordName { record, policy } = RecordName::read(list, id).ok_or_else(unknown)?;
    let RecordRef { kind, id: record } = record;
    let asked = query::UnifiedRecord {
        kind,
        tenants: tenants.clone(),
        id: record,
        expansion: params.expansion,
    };
    let page = api.control.ask(asked).await?;
    are_read(&page, &tenants)?;
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
    let answer = json!({ "data": data.pop(), "raw": raw });
    Ok(Json(answer).into_response())
}

/// Returns records with the requested fields, and the source's own answers if they are requested.
fn parts<'a>(
    shown: Vec<ShownRow<'a>>,
    params: &Params,
    page: &'a UnifiedPage,
) -> (Vec<Part<'a>>, Option<Vec<RawAnswer<'a>>>) {
    let raw = match params.raw {
        Raw::Unwanted => None,
        Raw::Wanted => Some(shown.iter().map(|(row, _)| raw_of(row, page)).collect()),
    };
    let parts = shown.into_iter().map(|(_, record)| match &params.fields {
        None => Part::Full(record),
        Some(fields) => {
            let mut json = json!(record);
            if let Some(all) = json.as_object_mut() {
                all.retain(|field, _| fields.contains(field));
            }
            Part::Fields(json)
        }
    });
    (parts.collect(), raw)
}

fn raw_of<'a>(row: &'a RecordRow, page: &UnifiedPage) -> RawAnswer<'a> {
    let record = &row.record;
    let tenant = page.tenants.get(&row.tenant);
    let host = tenant.and_then(|tenant| tenant.hosts.first());
    let host = host.map_or("", String::as_str);
    RawAnswer {
        method: "GET",
        url: format!(
            "https://{host}/api/v1/{}/{}",
            record.kind().plural(),
            record.id()
        ),
        body: None,
        response: serde_json::from_str(&row.raw).ok(),
    }
}

/// Returns which tenants a request asks about, and which of them its token may read.
fn asked_tenants(headers: &HeaderMap, token: &ApiToken) -> Result<query::AskedTenants, ApiError> {
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
fn are_read(page: &UnifiedPage, asked: &query::AskedTenants) -> Result<(), ApiError> {
    match page.not_read.first() {
        Some(first) if asked.called.is_some() => Err(ApiError::not_read(&first.0)),
        Some(_) | None => Ok(()),
    }
}

async fn accounts(
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

async fn account(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
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
        let found = found.map(|tenant| view::unified_account(tenant, api.control.now()));
        Ok(Json(found).into_response())
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

/// Answers requests that StackOne's API has and we do not offer.
async fn not_offered(
    State(api): State<Arc<Api>>,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let error = match caller::admit(&api, &headers, from, Scope::Read).await {
        Ok(_) => ApiError::not_offered(
            "this is not offered: tenants are read, not changed, and users, roles, groups and \
             policies are all there is",
        ),
        Err(refused) => refused.into(),
    };
    error.answer(api.control.now())
}
