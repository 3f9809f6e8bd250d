//! Answers `/api/v1/licenses/overview` and `/api/v1/licenses/assignments`. The cursor is called
//! `page`, links name a host of Qlik's own network, a page has twenty records unless more are asked
//! for, and the listing covers the whole licence with all its tenants. A cursor is an offset: Qlik
//! does not document what it is, and an offset is the hardest to read: if an assignment is taken
//! away meanwhile, the listing skips another one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::deed::put;
use super::filter::{self, Attribute, Clause, Expr};
use super::inner::Inner;
use super::licence::Licensed;
use super::listing::Shape;
use super::record::Field;
use super::reply::{Service, error, json_text};
use super::state::State;

/// The host that links of this service show.
const HOST: &str = "http://license";
/// Qlik's default and maximum.
const LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// How many of each type the licence has.
const UNITS: usize = 1_000;

/// Answers with what the licence says about itself.
pub fn overview(tenant: &Inner, shape: &Shape) -> Response {
    let state = tenant.directory.read();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for licensed in state.licence.assignments.values() {
        *used.entry(&licensed.sort).or_default() += 1;
    }
    let allotments = used.iter().filter(|(sort, _)| !sort.is_empty()).map(|(sort, n)| {
        json!({"name": sort, "units": UNITS, "unitsUsed": n, "overage": -1, "usageClass": ""})
    });
    let mut body = json!({
        "allotments": allotments.collect::<Vec<_>>(),
        "licenseType": "Signed Access Key",
        "origin": "External",
        "product": "Qlik Sense Enterprise",
        "status": "Ok",
        "trial": false,
        "valid": "2020-01-01/2099-12-31",
    });
    if !state.licence.number.is_empty() {
        put(&mut body, "licenseNumber", json!(state.licence.number));
    }
    if shape.wrong_types || shape.wrong_type {
        put(&mut body, "licenseNumber", json!({"was": "this"}));
    }
    json_text(StatusCode::OK, body.to_string().into())
}

/// Answers with a page of the assignments.
pub fn assignments(tenant: &Inner, pairs: &[(String, String)], shape: &Shape) -> Response {
    let limit = get(pairs, "limit").map_or(Some(LIMIT), |text| text.parse().ok());
    let Some(limit) = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)) else {
        return invalid("limit", "limit must be from 1 to 100");
    };
    let Some(skip) = get(pairs, "page").map_or(Some(0), offset) else {
        return invalid("page", "not a cursor");
    };
    let filter = match filter(pairs) {
        Ok(filter) => filter,
        Err((name, detail)) => return invalid(&name, &detail),
    };
    let state = tenant.directory.read();
    let mut rows = with_excess(&state.licence.assignments);
    sort(&mut rows, get(pairs, "sort"));
    rows.retain(|(subject, licensed, _)| keeps(filter.as_ref(), subject, licensed));
    if get(pairs, "orphans") == Some("true") {
        let own = subjects(&state);
        rows.retain(|(subject, ..)| !own.contains(&subject.to_lowercase()));
    }
    if shape.empty_collection {
        rows.clear();
    }
    if shape.half_shown {
        let mut n_rows = 0;
        rows.retain(|_| {
            n_rows += 1;
            n_rows % 2 == 1
        });
    }
    let total = rows.len();
    let from = match shape.page_left_out {
        true => skip + limit,
        false => skip,
    };
    let mut rows: Vec<_> = rows.into_iter().skip(from).take(limit).collect();
    let next = match () {
        () if shape.empty_page || shape.repeated_cursor => Some(skip),
        () => Some(from + limit).filter(|next| *next < total),
    };
    if shape.empty_page {
        rows.clear();
    }
    let data = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| shown(row, at, shape));
    let mut body = json!({"data": data.collect::<Vec<_>>(), "links": {}});
    // Qlik documents no total here.
    if shape.told(total) != total {
        put(&mut body, "meta", json!({"count": shape.told(total)}));
    }
    if let Some(next) = next {
        let cursor = URL_SAFE_NO_PAD.encode(next.to_string());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        query.append_pair("page", &cursor);
        let href = format!("{HOST}/v1/licenses/assignments?{}", query.finish());
        put(&mut body, "links", json!({"next": {"href": href}}));
    }
    json_text(StatusCode::OK, body.to_string().into())
}

/// A subject, what is assigned to it, and whether all units of that type were taken before it.
type Row<'l> = (&'l String, &'l Licensed, bool);

fn with_excess(assignments: &BTreeMap<String, Licensed>) -> Vec<Row<'_>> {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let rows = assignments.iter().map(|(subject, licensed)| {
        let n_used = used.entry(&licensed.sort).or_default();
        *n_used += 1;
        (subject, licensed, *n_used > UNITS)
    });
    rows.collect()
}

/// Reads the parameters that filter and sort, and refuses what Qlik does not document.
fn filter(pairs: &[(String, String)]) -> Result<Option<Expr>, (String, String)> {
    const PARAMETERS: [&str; 5] = ["filter", "limit", "orphans", "page", "sort"];
    const ATTRIBUTES: [Attribute; 2] = [
        ("subject", Field::Subject, true),
        ("type", Field::Type, false),
    ];
    for (name, value) in pairs {
        let refused = match name.as_str() {
            "orphans" => !["true", "false"].contains(&value.as_str()),
            "sort" => !["subject", "+subject"].contains(&value.as_str()),
            name => !PARAMETERS.contains(&name),
        };
        if refused {
            return Err((name.clone(), format!("`{value}` is not supported")));
        }
    }
    let filter = get(pairs, "filter").map(|text| filter::parse(text, &ATTRIBUTES));
    let filter = filter.transpose();
    filter.map_err(|detail| ("filter".to_owned(), detail))
}

fn keeps(filter: Option<&Expr>, subject: &str, licensed: &Licensed) -> bool {
    let holds = |clause: &Clause| match clause.field {
        Field::Subject => clause.is(subject),
        _ => clause.is(&licensed.sort),
    };
    filter.is_none_or(|expr| expr.holds(&holds))
}

/// Returns an assignment as Qlik shows it. One without a type has neither `type` nor `excess`,
/// although Qlik documents both as required.
fn shown((subject, licensed, excess): Row<'_>, at: usize, shape: &Shape) -> Value {
    let mut shown = json!({"subject": subject, "created": licensed.created_at});
    if !licensed.sort.is_empty() {
        put(&mut shown, "type", json!(licensed.sort));
        put(&mut shown, "excess", json!(excess));
    }
    if shape.wrong_types || (shape.wrong_type && at == 0) {
        put(&mut shown, "subject", json!({"was": "this"}));
    }
    if shape.unknown_values && at == 0 {
        put(&mut shown, "type", json!("hologram"));
    }
    shown
}

/// Reads the offset that a cursor stands for.
fn offset(cursor: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

/// Sorts assignments by subject if that is asked for. Qlik does not document its own order; here
/// the latest come first, so that a new assignment moves all others.
fn sort(rows: &mut [Row<'_>], by: Option<&str>) {
    match by {
        Some(_subject) => rows.sort_by_key(|(subject, ..)| *subject),
        None => rows.sort_by_key(|(subject, licensed, _)| Reverse((licensed.created_at, *subject))),
    }
}

fn subjects(state: &State) -> BTreeSet<String> {
    let users = state.users.iter();
    users.map(|row| row.subject.to_lowercase()).collect()
}

fn invalid(name: &str, detail: &str) -> Response {
    let title = format!("Invalid query parameter `{name}`");
    error(Service::Licences, StatusCode::BAD_REQUEST, &title, detail)
}

fn get<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    let pair = pairs.iter().find(|(key, _)| key == name);
    pair.map(|(_, value)| value.as_str())
}
