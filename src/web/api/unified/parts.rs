//! What is sent of records: all fields or the requested ones, and the source's own answers.

use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::params::{Params, Raw};
use crate::control::{RecordRow, UnifiedPage};
use crate::model::TenantName;
use crate::view::UnifiedShown;
use crate::web::api::shared::json;

/// A record of a page, as it is known and as it is shown.
pub(super) type ShownRow<'a> = (&'a RecordRow, UnifiedShown<'a>);

/// The answer to a request for a list.
#[derive(Serialize)]
pub(super) struct ListAnswer<'a> {
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
pub(super) enum Part<'a> {
    Full(UnifiedShown<'a>),
    Fields(Value),
}

/// The source's own answer about a record.
#[derive(Serialize)]
pub(super) struct RawAnswer<'a> {
    method: &'static str,
    url: String,
    body: Option<&'a str>,
    response: Option<&'a RawValue>,
}

/// The answer to a request for one record.
#[derive(Serialize)]
pub(super) struct OneAnswer<'a> {
    pub(super) data: Option<Part<'a>>,
    pub(super) raw: Option<Vec<RawAnswer<'a>>>,
}

impl ListAnswer<'_> {
    /// Returns the answer with a page of a list.
    pub(super) fn of(
        shown: Vec<ShownRow<'_>>,
        next: Option<&str>,
        params: &Params,
        page: &UnifiedPage,
    ) -> Response {
        let (data, raw) = parts(shown, params, page);
        let answer = ListAnswer {
            next,
            next_page: next,
            data,
            raw,
            not_read: &page.not_read,
            not_read_count: page.n_not_read,
        };
        json(&answer)
    }
}

/// Returns records with the requested fields, and the source's own answers if they are requested.
pub(super) fn parts<'a>(
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
            let mut json = serde_json::json!(record);
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
