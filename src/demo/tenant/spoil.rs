//! Puts a fault into an otherwise correct answer.

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use super::faults::{Endpoint, Fault};
use super::inner::Inner;
use super::record::Row;
use super::reply::{self, json_text};

/// Which part of the records was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Everything.
    Whole,
    /// Their ids alone.
    Ids,
}

impl Asked {
    pub fn of(query: &[(String, String)]) -> Self {
        let mut query = query.iter();
        match query.any(|(key, value)| key == "fields" && value == "id") {
            true => Self::Ids,
            false => Self::Whole,
        }
    }
}

/// Applies the faults that spoil an answer to this one.
pub async fn spoil(
    tenant: &Inner,
    at: Endpoint,
    asked: Asked,
    faults: &[Fault],
    reply: Response,
) -> Response {
    let mut largest = faults.iter().filter(|fault| match fault {
        Fault::TooLarge(_) => true,
        Fault::OneTooLarge => asked != Asked::Ids || at != Endpoint::Users,
        _ => false,
    });
    if let Some(fault) = largest.next()
        && reply.status() == StatusCode::OK
    {
        let (status, bytes) = reply::bytes_of(reply).await;
        return match is_too_large(tenant, at, fault, &bytes) {
            true => reply::too_large(&bytes),
            false => json_text(status, bytes),
        };
    }
    if let Some(spoil) = faults.iter().find_map(spoiler)
        && reply.status() == StatusCode::OK
    {
        let (status, bytes) = reply::bytes_of(reply).await;
        return json_text(status, spoil(&bytes));
    }
    if faults.contains(&Fault::Cut) {
        let (status, bytes) = reply::bytes_of(reply).await;
        return reply::cut(status, &bytes);
    }
    if faults.contains(&Fault::Truncated) {
        let (status, bytes) = reply::bytes_of(reply).await;
        return reply::truncated(status, &bytes);
    }
    reply
}

fn is_too_large(tenant: &Inner, at: Endpoint, fault: &Fault, body: &[u8]) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let one = std::slice::from_ref(&body);
    let records = body
        .get("data")
        .and_then(serde_json::Value::as_array)
        .map_or(one, Vec::as_slice);
    let third = third(tenant, at);
    match fault {
        Fault::TooLarge(n) => records.len() > *n,
        _ => records
            .iter()
            .any(|record| record.get("id").and_then(serde_json::Value::as_str) == third.as_deref()),
    }
}

/// Returns the id of the third record of a kind.
fn third(tenant: &Inner, at: Endpoint) -> Option<String> {
    let state = tenant.directory.read();
    let spaces = || state.spaces.values();
    let third = match at {
        Endpoint::Users | Endpoint::User => state.users.iter().nth(2).map(Row::id),
        Endpoint::Roles | Endpoint::Role => state.roles.iter().nth(2).map(Row::id),
        Endpoint::Spaces | Endpoint::Space => state.spaces.keys().nth(2).map(|id| &id.0),
        Endpoint::Assignments => spaces().flat_map(|it| it.assignments.keys()).nth(2),
        Endpoint::Shares => spaces().flat_map(|it| it.shares.keys()).nth(2),
        _ => state.groups.iter().nth(2).map(Row::id),
    };
    third.map(ToString::to_string)
}

/// Returns the function that spoils an answer's text. `None` if the fault does something else.
fn spoiler(fault: &Fault) -> Option<fn(&[u8]) -> Bytes> {
    match fault {
        Fault::HalfCharacter => Some(|body| with_prefix(body, b"\\ud83d")),
        Fault::BadByte => Some(|body| with_prefix(body, b"\xff")),
        Fault::BadReference => Some(|body| {
            let body = put(body, b"\"assignedRoles\":[{\"id\":", b"5,\"was\":");
            put(&body, b"\"assignedGroups\":[{\"id\":", b"5,\"was\":")
        }),
        Fault::EmptyLeftOut => Some(|body| {
            let body = respell(body, b"\"assignedRoles\":[]", b"\"nothing\":[]");
            respell(&body, b"\"assignedGroups\":[]", b"\"nothing\":[]")
        }),
        Fault::CapitalLinks => Some(|body| {
            let body = respell(body, b"\"next\":", b"\"Next\":");
            respell(&body, b"\"href\":", b"\"Href\":")
        }),
        Fault::NoLinks => Some(|body| respell(body, b"\"next\":", b"\"nothing\":")),
        _ => None,
    }
}

/// Replaces every occurrence of a text by another.
fn respell(body: &[u8], from: &[u8], to: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = find(rest, from) {
        let (head, tail) = rest.split_at(at);
        out.extend_from_slice(head);
        out.extend_from_slice(to);
        rest = tail.get(from.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.into()
}

fn with_prefix(body: &[u8], text: &[u8]) -> Bytes {
    let body = put(body, b"\"name\":\"", text);
    let assigned = find(&body, b"\"assigned").unwrap_or(body.len());
    let (head, tail) = body.split_at(assigned);
    [head, &put(tail, b"\"name\":\"", text)].concat().into()
}

/// Inserts something after the first occurrence of a text.
fn put(body: &[u8], behind: &[u8], what: &[u8]) -> Bytes {
    let Some(at) = find(body, behind) else {
        return body.to_vec().into();
    };
    let (head, tail) = body.split_at(at + behind.len());
    [head, what, tail].concat().into()
}

fn find(body: &[u8], text: &[u8]) -> Option<usize> {
    body.windows(text.len()).position(|window| window == text)
}
