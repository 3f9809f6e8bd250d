//! Reads a span of Qlik's audit log to its end, or up to a limit.
//!
//! Qlik filters by one event type or one source at a time, and what concerns us has many of both,
//! in two generations. So the whole span is read, and events that do not concern our records are
//! skipped. Only earlier sessions are read by their types.

mod event;
pub(super) mod past_sessions;

use std::collections::HashSet;
use std::ops::RangeInclusive;

use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;
use xxhash_rust::xxh3::xxh3_64;

use super::ReadError;
use super::client::{Ask, Client, Patience, Redirects};
use super::listing::{WALKS, expired, is_expired};
use super::wire;
use crate::model::{About, AuditEvent, AuditPage, Extent, Timestamp};
use event::Parsed;

/// Events per page: the most that Qlik allows.
const LIMIT: u64 = 100;
/// The factor by which the page size is reduced if a page is too large to be accepted.
const SHRINK: u64 = 4;
/// Oldest first, so that events written while we read come at the end. Qlik requires the sign.
const SORT: &str = "+eventTime";
/// The most pages of one reading. Reading more than ten thousand events costs more than a sweep.
const MAX_PAGES: usize = 100;
/// The most records that one reading names. A sweep reads as many with a hundredth of the requests.
const MAX_RECORDS: usize = 10_000;

const DOING: &str = "reading the audit log";

/// Reads what happened within a span of time.
pub(super) async fn read(
    client: &Client,
    span: RangeInclusive<Timestamp>,
) -> Result<AuditPage, ReadError> {
    walk(client, span, None).await
}

/// Reads what happened within a span of time: everything, or the events of one type.
async fn walk(
    client: &Client,
    span: RangeInclusive<Timestamp>,
    kind: Option<&str>,
) -> Result<AuditPage, ReadError> {
    let mut audit_page = AuditPage {
        events: Vec::new(),
        sessions: Vec::new(),
        extent: Extent::Whole,
    };
    let mut cursor: Option<String> = None;
    let mut from = *span.start();
    let mut read_to = from;
    let mut cursors = HashSet::new();
    let (mut n_records, mut walks, mut limit) = (0, 1, LIMIT);
    for pages in 1..=MAX_PAGES {
        let ask = ask(&(from..=*span.end()), kind, limit, cursor.as_deref());
        let answer: wire::Listing = match client.get_through(&ask, &client.audits).await {
            // The cursor expired: start again from the beginning of the span.
            Err(error) if cursor.is_some() && is_expired(&error) => {
                if walks >= WALKS {
                    return Err(expired(error, walks));
                }
                (cursor, n_records, walks) = (None, 0, walks + 1);
                from = *span.start();
                read_to = from;
                cursors.clear();
                audit_page.events.clear();
                audit_page.sessions.clear();
                continue;
            }
            Err(error) if error.is_too_large() && limit > 1 => {
                limit = (limit / SHRINK).max(1);
                continue;
            }
            // An event is too large to be accepted: those after it cannot be reached.
            Err(error) if error.is_too_large() => {
                read_to = *span.start();
                break;
            }
            answer => answer?,
        };
        cursor = answer.next().map_err(unexpected)?;
        let data = (answer.data).ok_or_else(|| unexpected("field `data`: expected a list"))?;
        n_records += take(&data, *span.end(), &mut audit_page);
        let last = data.last().and_then(|text| event::time(text.get()));
        read_to = last.unwrap_or(read_to);
        let Some(cursor) = &cursor else {
            if (data.len() as u64) < limit {
                return Ok(audit_page);
            }
            // A full page without a next link: the following events begin where it ends.
            let Some(later) = last.filter(|last| *last > from) else {
                // There may be more events with that same time, so nothing of the span counts as
                // read.
                read_to = *span.start();
                break;
            };
            from = later;
            cursors.clear();
            continue;
        };
        if !cursors.insert(xxh3_64(cursor.as_bytes())) {
            return Err(repeated(pages));
        }
        if n_records > MAX_RECORDS {
            break;
        }
    }
    audit_page.extent = Extent::CutOff { read_to };
    Ok(audit_page)
}

/// Returns the request for a page: of all events, or of those of one type.
fn ask(
    span: &RangeInclusive<Timestamp>,
    kind: Option<&str>,
    limit: u64,
    cursor: Option<&str>,
) -> Ask {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("eventTime", &format!("{}/{}", span.start(), span.end()))
        .append_pair("limit", &limit.to_string())
        .append_pair("sort", SORT);
    if let Some(kind) = kind {
        query.append_pair("eventType", kind);
    }
    if let Some(cursor) = cursor {
        query.append_pair("next", cursor);
    }
    Ask {
        doing: DOING,
        path: "api/v1/audits".to_owned(),
        query: query.finish(),
        redirects: Redirects::Refuse,
        patience: Patience::Usual,
    }
}

/// Adds the events of a page that concern us. Returns how many records they name.
fn take(data: &[Box<RawValue>], latest: Timestamp, audit_page: &mut AuditPage) -> usize {
    let mut n_records = 0;
    let texts = data.iter().map(AsRef::as_ref).map(RawValue::get);
    for told in texts.filter_map(|text| event::read(text, latest)) {
        match told {
            Parsed::Event(event) => {
                n_records += n_named(&event);
                audit_page.events.push(event);
            }
            Parsed::Session(begin) => audit_page.sessions.push(begin),
        }
    }
    n_records
}

/// Returns how many records an event names, as counted towards [`MAX_RECORDS`].
fn n_named(event: &AuditEvent) -> usize {
    match &event.about {
        About::Records(records) => records.len(),
        About::Space { .. } | About::Licence | About::Unreadable(_) | About::Unknown(_) => 1,
    }
}

fn unexpected(what: &str) -> ReadError {
    ReadError::Unexpected {
        doing: DOING,
        what: what.to_owned(),
    }
}

fn repeated(pages: usize) -> ReadError {
    ReadError::RepeatedCursor {
        doing: DOING,
        pages: pages as u64,
    }
}

#[cfg(test)]
mod tests;
