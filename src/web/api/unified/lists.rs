//! Lists, page by page.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::asked::{ALL, are_read, asked_tenants, respond};
use super::cursor::{self, PageStart};
use super::error::ApiError;
use super::one;
use super::params::{Deleted, Params};
use super::parts::{ListAnswer, ShownRow};
use super::wanted::List;
use crate::control::{RecordPosition, UnifiedPage, query};
use crate::model::{GroupId, Kind, Scope, Seq};
use crate::view::UnifiedView;
use crate::web::api::caller;
use crate::web::api::shared::Api;
use crate::web::connections::Peer;

/// Answers with a page of a list.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let Path(name) = name?;
        let list = List::of(&name)?;
        let params = Params::read(query.as_deref())?.of_past(api.control.now())?;
        let tenants = asked_tenants(&headers, &token)?;
        list_page(&api, list, params, tenants).await
    };
    respond(&api, answered).await
}

/// Answers with a page of the users of a group.
pub(super) async fn members(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Read).await?;
        let Path(id) = id?;
        let params = Params::read(query.as_deref())?.of_past(api.control.now())?;
        let tenants = asked_tenants(&headers, &token)?;
        let groups = List::Records(Kind::Group);
        let group = one::find(&api, &groups, (&id, params.as_of), &tenants).await?;
        let list = List::Members(GroupId(group.record.id().clone()));
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
    let deleted = match params.deleted {
        Deleted::Wanted => " deleted",
        Deleted::Unwanted => "",
    };
    let (word, since) = (list.word(), params.updated_after);
    let then = match params.as_of {
        Some(time) => {
            params.of_the_past()?;
            format!(" as of {time}")
        }
        None => String::new(),
    };
    let asked = format!("{word} {account} {since:?}{deleted}{then}");
    let begin = match &params.next {
        Some(text) => cursor::read(text, &asked)?,
        None => PageStart::default(),
    };
    let wants_deleted = match (params.deleted, &list) {
        (Deleted::Unwanted, _) => false,
        (Deleted::Wanted, List::Records(_)) => true,
        (Deleted::Wanted, List::Policies | List::Members(_)) => {
            let why = "`deleted` is offered for users, roles and groups";
            return Err(ApiError::invalid(why));
        }
    };
    if let Some(after) = begin.deleted {
        return deleted_page(api, (&list, &asked), after, &params, tenants).await;
    }
    let page = query::UnifiedRecords {
        kind: list.kind(),
        tenants: tenants.clone(),
        changed_since: params.updated_after,
        group: list.group(),
        at: params.as_of,
        expansion: params.expansion,
        after: begin.after.clone(),
        limit: params.page_size,
    };
    let page = api.control.ask(page).await?;
    are_read(&page, &tenants)?;
    let view = UnifiedView::of(&page);
    let (shown, next) = match list {
        List::Records(_) | List::Members(_) => {
            let rows = page.page.rows.iter();
            let shown = rows.map(|row| (row, view.record(row))).collect();
            let next = page.page.next.clone();
            let next = next.map(PageStart::after);
            (shown, next)
        }
        List::Policies => policies(&page, &view, begin, params.page_size),
    };
    // Deleted records follow those that exist.
    let next = next.or_else(|| wants_deleted.then(PageStart::of_deleted));
    let next = next.map(|place| cursor::write(&place, &asked));
    Ok(ListAnswer::of(shown, next.as_deref(), &params, &page))
}

/// Answers with a page of deleted records.
async fn deleted_page(
    api: &Api,
    (list, asked): (&List, &str),
    after: Seq,
    params: &Params,
    tenants: query::AskedTenants,
) -> Result<Response, ApiError> {
    let question = query::UnifiedDeleted {
        kind: list.kind(),
        tenants: tenants.clone(),
        since: params.updated_after,
        after: Some(after),
        limit: params.page_size,
    };
    let found = api.control.ask(question).await?;
    are_read(&found.records, &tenants)?;
    let view = UnifiedView::of(&found.records);
    let rows = found.records.page.rows.iter().zip(&found.deleted_at);
    let shown = rows
        .map(|(row, at)| (row, view.deleted(row, *at)))
        .collect();
    let next = found.next.map(|after| PageStart {
        deleted: Some(after),
        ..PageStart::default()
    });
    let next = next.map(|place| cursor::write(&place, asked));
    Ok(ListAnswer::of(
        shown,
        next.as_deref(),
        params,
        &found.records,
    ))
}

/// Returns a page of policies, and where the next one begins. A role has up to two.
fn policies<'a>(
    page: &'a UnifiedPage,
    view: &UnifiedView<'a>,
    begin: PageStart,
    limit: usize,
) -> (Vec<ShownRow<'a>>, Option<PageStart>) {
    let mut shown = Vec::new();
    let PageStart {
        mut after,
        within,
        deleted: _,
    } = begin;
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
                let next = PageStart {
                    after,
                    within,
                    deleted: None,
                };
                return (shown, Some(next));
            }
            shown.push((row, policy));
        }
        after = Some(role);
    }
    (shown, page.page.next.clone().map(PageStart::after))
}

/// Returns the last policy of a page if it belongs to a role.
fn within_role(shown: &[ShownRow<'_>], role: RecordPosition) -> Option<(RecordPosition, String)> {
    let (row, policy) = shown.last()?;
    let is_its = row.tenant == role.tenant && *row.record.id() == role.id;
    let id = policy.policy_id().filter(|_| is_its)?;
    Some((role, id.to_owned()))
}
