//! `GET /api/core/tenants`: a page of the organization's tenants.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::filter;
use super::inner::{Inner, Row};
use super::options::Required;
use crate::demo::tenant::reply::{Service, error, json_text};

/// The fields that a listing can be sorted by.
const SORTS: [&str; 8] = [
    "name",
    "regionCode",
    "countryCode",
    "hostnames",
    "createdAt",
    "updatedAt",
    "status",
    "subscriptionId",
];

/// Answers a listing request, or returns what is wrong with it.
pub(super) fn answer(console: &Inner, query: &str) -> Result<Response, Box<Response>> {
    let bad = |title: &str, detail: &str| {
        let status = StatusCode::BAD_REQUEST;
        Box::new(error(Service::Tenants, status, title, detail))
    };
    let (mut limit, mut from, mut counted, mut kept) = (20, 0, false, None);
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let invalid = || bad("Invalid query parameter", &key);
        match key.as_ref() {
            "limit" => {
                let number = value.parse().ok().filter(|n| *n <= 100);
                limit = number.ok_or_else(invalid)?;
            }
            name @ ("next" | "offset") => from = read(name, &value).ok_or_else(invalid)?,
            "sort" => {
                let field = value.trim_start_matches(['+', '-']);
                if !SORTS.contains(&field) {
                    return Err(invalid());
                }
            }
            "totalResults" => counted = value == "true",
            "filter" => {
                let read = filter::parse(&value).map_err(|why| bad("Invalid filter", &why))?;
                kept = Some(read);
            }
            _ => return Err(invalid()),
        }
    }
    let named = kept.iter().flat_map(filter::Expr::subscriptions);
    let named: Vec<&str> = named.collect();
    if named.iter().any(|one| *one != console.subscription) {
        let status = StatusCode::FORBIDDEN;
        return Err(Box::new(error(Service::Tenants, status, "Forbidden", "")));
    }
    if named.is_empty() && console.required == Required::Yes {
        return Err(bad("Invalid filter", "subscriptionId is required"));
    }
    let keeps = |row: &Row| {
        kept.as_ref()
            .is_none_or(|expr| expr.holds(&|name| attribute(console, row, name)))
    };
    let rows: Vec<Row> = console.rows().into_iter().filter(keeps).collect();
    let page = rows.iter().skip(from).take(limit.min(console.page));
    let data: Vec<Value> = page.map(|row| shown(console, row)).collect();
    let to = from + data.len();
    let mut links = json!({"self": {"href": "https://api.qlikcloud.com/core/tenants"}});
    if to < rows.len()
        && let Some(members) = links.as_object_mut()
    {
        let (name, host) = match to.is_multiple_of(2) {
            true => ("next", "https://api.qlikcloud.com/core/tenants"),
            false => (
                "offset",
                "https://org.console.qlikcloud.com/api/core/tenants",
            ),
        };
        let cursor = URL_SAFE_NO_PAD.encode(format!("{name}:{to}"));
        let href = format!("{host}?limit={limit}&{name}={cursor}");
        members.insert("next".into(), json!({ "href": href }));
    }
    let mut body = json!({"data": data, "links": links});
    if let (true, Some(members)) = (counted, body.as_object_mut()) {
        members.insert("totalResults".into(), json!(rows.len()));
    }
    Ok(json_text(StatusCode::OK, body.to_string().into()))
}

/// A cursor under one name is not valid under the other.
fn read(name: &str, cursor: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(name)?.strip_prefix(':')?.parse().ok()
}

fn attribute(console: &Inner, row: &Row, name: &str) -> Vec<String> {
    match name {
        "regionCode" => vec![row.region.clone()],
        "status" => vec![row.status.clone()],
        "subscriptionId" => vec![console.subscription.clone()],
        "name" => vec![row.name.clone()],
        "hostnames" => row.hosts.clone(),
        _ => vec![row.id.clone()],
    }
}

fn shown(console: &Inner, row: &Row) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "hostnames": row.hosts,
        "regionCode": row.region,
        "countryCode": "IE",
        "status": row.status,
        "createdAt": "2024-01-01T00:00:00.000Z",
        "updatedAt": "2024-01-01T00:00:00.000Z",
        "subscriptionId": console.subscription,
        "links": {"self": {"href": format!("https://api.qlikcloud.com/core/tenants/{}", row.id)}},
    })
}
