//! Writes an event as Standard Webhooks describes: type, time and data in one JSON object.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::deliver::event::{Data, Event, Subject};
use crate::deliver::message::Message;
use crate::deliver::privacy::Privacy;
use crate::model::{
    Account, Entry, FieldDelta, Id, Kind, Seq, StoreId, TenantId, Timestamp, delta, unified,
};

/// Returns the JSON body of an entry's event with all that we know, none for an entry that
/// is no event.
pub fn body(store: StoreId, entry: &Entry) -> Option<Vec<u8>> {
    let event = Event::of_entry(store, entry)?;
    Some(bytes(&event, &Privacy::default()))
}

pub(super) fn message(event: &Event<'_>, privacy: &Privacy) -> Message {
    Message {
        id: event.id.clone(),
        content_type: "application/json",
        headers: Vec::new(),
        body: bytes(event, privacy).into(),
    }
}

fn bytes(event: &Event<'_>, privacy: &Privacy) -> Vec<u8> {
    let body = Body {
        id: &event.id,
        r#type: &event.event_type,
        timestamp: event.at,
        sequence: event.sequence,
        account: event.account.map(Source::of),
        data: Shown::of(&event.data, privacy),
    };
    serde_json::to_vec(&body).expect("an event's keys are texts")
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    r#type: &'a str,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Source<'a>>,
    data: Shown<'a>,
}

/// The tenant in which it happened.
#[derive(Serialize)]
struct Source<'a> {
    id: &'a TenantId,
    name: &'a str,
    region: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn of(account: &'a Account) -> Self {
        Self {
            id: &account.tenant,
            name: &account.name,
            region: account.region.as_deref(),
        }
    }
}

/// An event's data, as the endpoint may see it.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Record(ShownRecord),
    Other(&'a Value),
}

impl<'a> Shown<'a> {
    fn of(data: &'a Data<'_>, privacy: &Privacy) -> Self {
        match data {
            Data::Record(subject) => Self::Record(ShownRecord::of(subject, privacy)),
            Data::Other(value) => Self::Other(value),
        }
    }
}

#[derive(Serialize)]
struct ShownRecord {
    record: Value,
    version: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<BTreeMap<&'static str, FieldDelta>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<Replaced>,
}

impl ShownRecord {
    fn of(subject: &Subject<'_>, _privacy: &Privacy) -> Self {
        let record = subject.record;
        Self {
            record: unified::value(record),
            version: subject.version,
            changes: subject.before.map(|before| delta(before, record)),
            replaces: subject.replaces.map(|id| Replaced::of(record.kind(), id)),
        }
    }
}

#[derive(Serialize)]
struct Replaced {
    id: String,
    remote_id: String,
}

impl Replaced {
    fn of(kind: Kind, id: &Id) -> Self {
        Self {
            id: unified::unified_id(kind, id),
            remote_id: id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
