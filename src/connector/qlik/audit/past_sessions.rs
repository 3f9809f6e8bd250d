//! Reads the starts of sessions from an earlier part of Qlik's audit log, and nothing else.
//!
//! Qlik filters by one event type at a time, so the span is read once for each type that reports
//! the start of a session: the types that Qlik documents, and any others that the log lists.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::super::ReadError;
use super::super::client::{Ask, Client, Patience, Redirects};
use super::super::wire::{self, Loose};
use super::{event, unexpected, walk};
use crate::model::{Extent, PastSessions, Timestamp};

/// The types of the start of a session that Qlik documents.
const DOCUMENTED: [&str; 2] = [
    "com.qlik.user-session.begin",
    "com.qlik.core.user-session.begun",
];
/// The most types that we take from the log's own list. We expect the two that Qlik documents, and
/// perhaps a third for a while.
const MAX_TYPES: usize = 8;
/// How far back we look for the oldest event: further than Qlik keeps the log.
const LONG_AGO: Duration = Duration::from_secs(400 * 24 * 3600);

/// The types of events that the log lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Types {
    data: Vec<Loose>,
}

/// Reads the sessions that began within a span of time, and how far the log goes back.
pub(in crate::connector::qlik) async fn read(
    client: &Client,
    span: RangeInclusive<Timestamp>,
) -> Result<PastSessions, ReadError> {
    let mut past = PastSessions {
        begun: Vec::new(),
        extent: Extent::Whole,
        oldest: None,
    };
    for kind in types(client).await? {
        let audit_page = walk(client, span.clone(), Some(&kind)).await?;
        past.begun.extend(audit_page.sessions);
        match audit_page.extent {
            Extent::Whole => {}
            Extent::CutOff { .. } => past.extent = audit_page.extent,
        }
    }
    // This comes last, because the log may lose its oldest events while we read it.
    past.oldest = oldest(client, &span).await?;
    Ok(past)
}

async fn types(client: &Client) -> Result<BTreeSet<String>, ReadError> {
    let ask = Ask {
        doing: "reading which types of events the audit log has",
        path: "api/v1/audits/types".to_owned(),
        query: String::new(),
        redirects: Redirects::Refuse,
        patience: Patience::Usual,
    };
    let listed: Types = match client.get_through(&ask, &client.audits).await {
        Err(error) if error.is_forbidden() => Types::default(),
        answer => answer?,
    };
    let listed = listed.data.into_iter().filter_map(|kind| kind.0);
    let listed = listed.filter(|kind| event::is_session_begin(kind));
    let documented = DOCUMENTED.into_iter().map(str::to_owned);
    Ok(documented.chain(listed.take(MAX_TYPES)).collect())
}

/// Returns when the oldest event of the log happened; `None` if the log has no event up to the end
/// of the span.
async fn oldest(
    client: &Client,
    span: &RangeInclusive<Timestamp>,
) -> Result<Option<Timestamp>, ReadError> {
    let begin = span.start().minus(LONG_AGO);
    let ask = super::ask(&(begin..=*span.end()), None, 1, None);
    let answer: wire::Listing = client.get_through(&ask, &client.audits).await?;
    let data = (answer.data).ok_or_else(|| unexpected("field `data`: expected a list"))?;
    Ok(data.first().and_then(|text| event::time(text.get())))
}
