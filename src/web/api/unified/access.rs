//! Who may do what: the holders of a role, and everything that a user may do. These are ours;
//! StackOne has nothing like them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::{ALL, asked_tenants, respond};
use super::error::ApiError;
use super::params::Params;
use super::wanted::List;
use super::{cursor, one};
use crate::control::query::{self, Which};
use crate::control::{RecordRow, UserAccessPosition};
use crate::model::{Id, Kind, Scope, UserId};
use crate::view;
use crate::web::api::caller;
use crate::web::api::shared::Api;
use crate::web::connections::Peer;

/// What a request asks about.
struct Asked {
    api: Arc<Api>,
    /// The role or the user.
    record: RecordRow,
    params: Params,
    /// Binds a cursor to what was asked.
    list: String,
}

impl Asked {
    /// Reads a request about a record of a kind.
    async fn read(
        api: &Arc<Api>,
        (kind, id): (Kind, &str),
        query: Option<&str>,
        (from, headers): (Peer, &HeaderMap),
    ) -> Result<Self, ApiError> {
        let token = caller::admit(api, headers, from.0, Scope::Read).await?;
        let params = Params::read(query)?.of_past(api.control.now())?;
        let tenants = asked_tenants(headers, &token)?;
        let list = List::Records(kind);
        let record = one::find(api, &list, (id, params.as_of), &tenants).await?;
        let account = tenants.called.as_deref().unwrap_or(ALL);
        let (word, id) = (list.word(), record.record.id());
        Ok(Self {
            api: Arc::clone(api),
            list: format!("access {word} {id} {account} {:?}", params.as_of),
            record,
            params,
        })
    }

    /// Adds to an answer where the next page begins.
    fn answer(&self, mut answer: Value, next: Option<impl Serialize>) -> Response {
        let next = next.map(|place| cursor::write(&place, &self.list));
        if let Some(fields) = answer.as_object_mut() {
            fields.insert("next".to_owned(), json!(next));
            fields.insert("next_page".to_owned(), json!(next));
        }
        Json(answer).into_response()
    }
}

/// Answers who holds a role, by which paths.
pub(super) async fn holders(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(from): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let Path(id) = id?;
        let of = (Kind::Role, &*id);
        let asked = Asked::read(&api, of, query.as_deref(), (from, &headers)).await?;
        let after: Option<Id> = match &asked.params.next {
            Some(text) => Some(cursor::read(text, &asked.list)?),
            None => None,
        };
        let question = query::Access {
            tenant: asked.record.tenant.clone(),
            role: Some(asked.record.record.id().to_string()),
            which: Which::Own,
            at: asked.params.as_of,
            after,
            limit: asked.params.page_size,
        };
        let page = asked.api.control.ask(question).await?;
        let rows = page.rows.iter();
        let rows: Vec<Value> = rows
            .map(|row| view::access(&page.envelope.tenant, row))
            .collect();
        let answer = json!({ "data": rows, "answer": view::envelope(&page.envelope, None) });
        Ok(asked.answer(answer, page.next))
    };
    respond(&api, answered).await
}

/// Answers what a user may do, by which paths.
pub(super) async fn of_user(
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(from): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let Path(id) = id?;
        let of = (Kind::User, &*id);
        let asked = Asked::read(&api, of, query.as_deref(), (from, &headers)).await?;
        let after: Option<UserAccessPosition> = match &asked.params.next {
            Some(text) => Some(cursor::read(text, &asked.list)?),
            None => None,
        };
        let question = query::UserAccess {
            tenant: asked.record.tenant.clone(),
            user: UserId(asked.record.record.id().clone()),
            role: None,
            at: asked.params.as_of,
            after,
            limit: asked.params.page_size,
        };
        let answer = asked.api.control.ask(question).await?;
        let data = json!({ "data": view::user_access(&answer) });
        Ok(asked.answer(data, answer.next))
    };
    respond(&api, answered).await
}
