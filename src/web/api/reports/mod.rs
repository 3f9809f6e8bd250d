//! `/reports`: tables of everything, for programs that load tables. The rows are those that
//! `qlik-roster export` writes. They are sent as they are read, so a table of any size takes little
//! memory.

mod described;
mod params;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::caller;
use super::shared::Api;
use super::unified::ApiError;
use crate::control::{
    ControlError, MAX_PAGE, ReportAsked, ReportName, ReportWalk, UnifiedTenant, query,
};
use crate::model::{ApiToken, Scope, TenantName};
use crate::view::{self, ReportWriter};
use crate::web::connections::{Lifetime, Peer, Streaming};
use crate::web::openapi::Routes;

use params::Params;

/// How many reports are sent at one time: each reads the store all the while.
const AT_ONCE: usize = 4;

/// How long a client may take to read what was sent.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest that sending a report may take.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The header with the time that a report describes.
const AS_OF: HeaderName = HeaderName::from_static("x-report-as-of");

/// The header with the last entry of the journal that a report could contain.
const SEQUENCE: HeaderName = HeaderName::from_static("x-report-sequence");

/// What answers requests for reports.
#[derive(Debug)]
struct Reports {
    api: Arc<Api>,
    places: Arc<Semaphore>,
}

/// Makes the routes.
pub(super) fn routes(api: Arc<Api>) -> Routes {
    let reports = Reports {
        api,
        places: Arc::new(Semaphore::new(AT_ONCE)),
    };
    Routes::new()
        .route("/reports", get(list), vec![described::of_list()])
        .route("/reports/{name}", get(one), described::of_reports())
        .schemas(described::schemas())
        .with_state(Arc::new(reports))
}

async fn list(
    State(reports): State<Arc<Reports>>,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let api = &reports.api;
    match caller::admit(api, &headers, from, Scope::Read).await {
        Ok(_) => {
            let all = ReportName::ALL.map(view::report);
            Json(json!({ "data": all })).into_response()
        }
        Err(refused) => ApiError::from(refused).answer(api.control.now()),
    }
}

async fn one(
    State(reports): State<Arc<Reports>>,
    name: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    Extension(lifetime): Extension<Lifetime>,
    headers: HeaderMap,
) -> Response {
    let answered = async {
        let token = caller::admit(&reports.api, &headers, from, Scope::Read).await?;
        let Path(name) = name?;
        let report = ReportName::of(&name).ok_or_else(|| unknown(&name))?;
        let params = Params::read(query.as_deref(), report, reports.api.control.now())?;
        begin(&reports, report, params, &token, lifetime).await
    };
    let answered = answered.await;
    answered.unwrap_or_else(|error| error.answer(reports.api.control.now()))
}

fn unknown(name: &str) -> ApiError {
    let name = crate::printable::line(name);
    ApiError::not_found(format!(
        "there is no report `{name}`; `GET /reports` lists them"
    ))
}

/// A report that is being sent.
struct Sending {
    api: Arc<Api>,
    walk: ReportWalk,
    writer: ReportWriter,
    not_read: Vec<TenantName>,
    /// What was made of the first page.
    first: Option<Vec<u8>>,
    streaming: Streaming,
    is_ended: bool,
    _place: OwnedSemaphorePermit,
}

/// Reads the first page, so that whatever is wrong is said before the answer begins.
async fn begin(
    reports: &Reports,
    report: ReportName,
    params: Params,
    token: &ApiToken,
    lifetime: Lifetime,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&reports.places).try_acquire_owned();
    let place = place.map_err(|_full| {
        let wait = Duration::from_secs(10);
        ApiError::unavailable("too many reports are read at the moment; ask again", wait)
    })?;
    let api = Arc::clone(&reports.api);
    let tenants = tenants(&api, &params, token).await?;
    let (read, not_read): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|it| it.is_read);
    if let (Some(_), Some(missing)) = (&params.tenant, not_read.first()) {
        return Err(ApiError::not_read(&missing.name.0));
    }
    let mut walk = ReportWalk::begin(ReportAsked {
        report,
        tenants: read.into_iter().map(|tenant| tenant.name).collect(),
        at: params.as_of,
        from: params.from,
    });
    let (mut writer, mut first) = ReportWriter::begin(params.format, report);
    if let Some(question) = walk.question() {
        let rows = walk.take(api.control.ask(question).await?);
        let part;
        (writer, part) = written(writer, move |writer| writer.rows(&rows)).await;
        first.extend(part);
    }
    let headers = headers(report, &params, &walk);
    let sending = Sending {
        api,
        walk,
        writer,
        not_read: not_read.into_iter().map(|tenant| tenant.name).collect(),
        first: Some(first),
        streaming: lifetime.stream(PATIENCE, LONGEST),
        is_ended: false,
        _place: place,
    };
    let body = stream::unfold(sending, Sending::next);
    Ok((headers, Body::from_stream(body)).into_response())
}

impl Sending {
    /// Returns the next part of the report. If the store fails, the answer breaks off, so that the
    /// client does not take a part for the whole.
    async fn next(mut self) -> Option<(Result<Bytes, ControlError>, Self)> {
        self.streaming.goes_on();
        if let Some(first) = self.first.take() {
            return Some((Ok(first.into()), self));
        }
        if self.is_ended {
            return None;
        }
        let Some(question) = self.walk.question() else {
            self.is_ended = true;
            let (asked, summary) = (self.walk.asked(), self.walk.summary());
            let manifest = view::report_manifest(asked, summary, &self.not_read);
            let end;
            (self.writer, end) = written(self.writer, move |writer| writer.end(&manifest)).await;
            return Some((Ok(end.into()), self));
        };
        match self.api.control.ask(question).await {
            Ok(page) => {
                let rows = self.walk.take(page);
                let part;
                (self.writer, part) = written(self.writer, move |writer| writer.rows(&rows)).await;
                Some((Ok(part.into()), self))
            }
            Err(error) => {
                self.is_ended = true;
                Some((Err(error), self))
            }
        }
    }
}

/// Writes a part of a report on a thread for such work: a row group of Parquet takes long to be
/// compressed.
async fn written(
    mut writer: ReportWriter,
    write: impl FnOnce(&mut ReportWriter) -> Vec<u8> + Send + 'static,
) -> (ReportWriter, Vec<u8>) {
    let written = tokio::task::spawn_blocking(move || {
        let part = write(&mut writer);
        (writer, part)
    });
    written.await.expect("writing a report does not panic")
}

/// Returns the tenants of a report: the one that is asked for, or all that the token may read.
async fn tenants(
    api: &Api,
    params: &Params,
    token: &ApiToken,
) -> Result<Vec<UnifiedTenant>, ApiError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let asked = query::UnifiedTenants {
            tenants: query::AskedTenants {
                called: params.tenant.clone(),
                covered: token.tenants.clone(),
            },
            after,
            limit: MAX_PAGE,
        };
        let page = api.control.ask(asked).await?;
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn headers(report: ReportName, params: &Params, walk: &ReportWalk) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let format = params.format;
    let kind = HeaderValue::from_static(format.media_type());
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let summary = walk.summary();
    let of = summary.as_of.map(|at| at.to_string());
    let stamp = of.as_deref().unwrap_or("empty").replace(':', "");
    let (word, extension) = (report.word(), format.extension());
    let named = format!("attachment; filename=\"{stamp}-{word}.{extension}\"");
    let sequence = summary.seq.map(|seq| seq.to_string());
    for (name, value) in [
        (CONTENT_DISPOSITION, Some(named)),
        (AS_OF, of),
        (SEQUENCE, sequence),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}
