//! Makes pages of spaces, assignments and shares, with links to the next page and the one before. A
//! cursor is the sort value and the id of a row; there is no snapshot.

use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::deed::put;
use super::listing::Shape;
use super::reply::{Service, error, json_text};
use super::space_filters::{Pairs, get};

/// The host in the links of this service.
pub const HOST: &str = "http://spaces.qcs.svc.cluster.local:6080";
/// Qlik's default and maximum of rows in a page.
const LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// The order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// What a page continues from.
#[derive(Debug, PartialEq, Eq)]
enum From {
    Start,
    After(String),
    Before(String),
}

/// Makes the page that the parameters ask for. Each row comes with its sort key.
pub fn list(
    path: &str,
    mut rows: Vec<(String, Value)>,
    direction: Direction,
    pairs: &Pairs,
    shape: &Shape,
) -> Response {
    let limit = get(pairs, "limit").map_or(Some(LIMIT), |text| text.parse().ok());
    let Some(limit) = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)) else {
        return invalid("limit", "limit must be from 1 to 100");
    };
    let from = match from(pairs) {
        Ok(from) => from,
        Err((name, detail)) => return invalid(name, detail),
    };
    rows.sort_by(|(one, _), (other, _)| match direction {
        Direction::Up => one.cmp(other),
        Direction::Down => other.cmp(one),
    });
    if shape.half_shown {
        let mut n_rows = 0;
        rows.retain(|_| {
            n_rows += 1;
            n_rows % 2 == 1
        });
    }
    if shape.empty_collection {
        rows.clear();
    }
    let total = rows.len();
    let (start, end) = span(&rows, direction, &from, limit);
    let (start, end) = match shape.page_left_out {
        true => (end, (end + limit).min(total)),
        false => (start, end),
    };
    let key = |at: usize| rows.get(at).map(|(key, _)| key.clone());
    let next = match (&from, direction) {
        _ if !(shape.empty_page || shape.repeated_cursor) => {
            key(end.wrapping_sub(1)).filter(|_| end < total)
        }
        (From::After(cursor), _) => Some(cursor.clone()),
        (_, Direction::Up) => Some(String::new()),
        (_, Direction::Down) => Some("\u{10ffff}".to_owned()),
    };
    let prev = key(start).filter(|_| start > 0);
    let shown = match shape.empty_page {
        true => Vec::new(),
        false => rows.drain(start..end).map(|(_, row)| row).collect(),
    };
    let mut links = json!({"self": {"href": link(path, pairs, None)}});
    for (name, key) in [("next", next), ("prev", prev)] {
        if let Some(key) = key {
            let cursor = URL_SAFE_NO_PAD.encode(key);
            let href = link(path, pairs, Some((name, &cursor)));
            put(&mut links, name, json!({ "href": href }));
        }
    }
    let mut body = json!({"data": spoiled(shown, shape), "links": links});
    if !shape.no_total {
        let drift = if shape.drifting_total { 1 + start } else { 0 };
        let count = shape.told(total) + drift;
        put(&mut body, "meta", json!({ "count": count }));
    }
    json_text(StatusCode::OK, body.to_string().into())
}

/// Reads the cursors. The error is the name of the wrong one and the reason.
fn from(pairs: &Pairs) -> Result<From, (&'static str, &'static str)> {
    let read = |name| {
        let cursor = get(pairs, name)?;
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Some(text.ok_or((name, "not a cursor")))
    };
    match (read("next").transpose()?, read("prev").transpose()?) {
        (None, None) => Ok(From::Start),
        (Some(after), None) => Ok(From::After(after)),
        (None, Some(before)) => Ok(From::Before(before)),
        (Some(_), Some(_)) => Err(("next", "next and prev are mutually exclusive")),
    }
}

/// Returns where the rows of the page begin and end.
fn span(
    rows: &[(String, Value)],
    direction: Direction,
    from: &From,
    limit: usize,
) -> (usize, usize) {
    let is_behind = |key: &String, cursor: &String| match direction {
        Direction::Up => key > cursor,
        Direction::Down => key < cursor,
    };
    match from {
        From::Start => (0, limit.min(rows.len())),
        From::After(cursor) => {
            let start = rows.partition_point(|(key, _)| !is_behind(key, cursor));
            (start, (start + limit).min(rows.len()))
        }
        From::Before(cursor) => {
            let end = rows.partition_point(|(key, _)| is_behind(cursor, key));
            (end.saturating_sub(limit), end)
        }
    }
}

fn spoiled(mut data: Vec<Value>, shape: &Shape) -> Vec<Value> {
    for (at, row) in data.iter_mut().enumerate() {
        if shape.wrong_types || (shape.wrong_type && at == 0) {
            for member in ["name", "roles", "spaceId"] {
                if row.get(member).is_some() {
                    put(row, member, json!({"was": "this"}));
                }
            }
        }
        if shape.unknown_values && at == 0 {
            put(row, "type", json!("hologram"));
            if row.get("roles").is_some() {
                put(row, "roles", json!(["archivist"]));
            }
        }
    }
    data
}

/// Returns the answer to a wrong parameter.
pub fn invalid(name: &str, detail: &str) -> Response {
    let title = format!("Invalid query parameter `{name}`");
    error(Service::Spaces, StatusCode::BAD_REQUEST, &title, detail)
}

fn link(path: &str, pairs: &Pairs, cursor: Option<(&str, &str)>) -> String {
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    let rest = pairs
        .iter()
        .filter(|(key, _)| key != "next" && key != "prev");
    parameters.extend_pairs(rest);
    if let Some((name, cursor)) = cursor {
        parameters.append_pair(name, cursor);
    }
    format!("{HOST}/v1/{path}?{}", parameters.finish())
}
