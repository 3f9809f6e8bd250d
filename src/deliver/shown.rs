//! An event as an endpoint may see it: all that a format gets to know.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::event::{Data, Event, Subject};
use crate::model::{Account, FieldDelta, Id, Kind, Seq, TenantId, Timestamp, delta, unified};

/// An event, rendered in the unified schema, without what the endpoint may not see.
pub(super) struct Shown<'a> {
    pub id: &'a str,
    pub event_type: &'a str,
    pub at: Timestamp,
    pub sequence: Option<Seq>,
    pub account: Option<Source<'a>>,
    pub data: ShownData<'a>,
}

/// The tenant in which it happened.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Source<'a> {
    pub id: &'a TenantId,
    pub name: &'a str,
    pub region: Option<&'a str>,
}

/// What it is about.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShownData<'a> {
    Record(ShownRecord<'a>),
    Other(&'a Value),
}

/// The record that it is about.
#[derive(Serialize)]
pub(super) struct ShownRecord<'a> {
    #[serde(skip)]
    pub kind: Kind,
    #[serde(skip)]
    pub id: &'a Id,
    /// As it is now, or as it was when it went.
    pub record: Map<String, Value>,
    pub version: Seq,
    /// Of an update: which fields, before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<BTreeMap<&'static str, FieldDelta>>,
    /// Of a creation: the record deleted just before that stood for the same subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
}

#[derive(Serialize)]
pub(super) struct Replaced {
    id: String,
    remote_id: String,
}

impl<'a> Shown<'a> {
    /// Returns the event with all that we know.
    pub(super) fn of(event: &'a Event<'a>) -> Self {
        let data = match &event.data {
            Data::Record(subject) => ShownData::Record(ShownRecord::of(*subject)),
            Data::Other(value) => ShownData::Other(value),
        };
        Self {
            id: &event.id,
            event_type: &event.event_type,
            at: event.at,
            sequence: event.sequence,
            account: event.account.map(Source::of),
            data,
        }
    }
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

impl<'a> ShownRecord<'a> {
    fn of(subject: Subject<'a>) -> Self {
        let record = subject.record;
        let Value::Object(fields) = unified::value(record) else {
            unreachable!("the unified schema has objects only");
        };
        Self {
            kind: record.kind(),
            id: record.id(),
            record: fields,
            version: subject.version,
            changes: subject.before.map(|before| delta(before, record)),
            replaces: subject.replaces.map(|id| Replaced {
                id: unified::unified_id(record.kind(), id),
                remote_id: id.to_string(),
            }),
        }
    }
}
