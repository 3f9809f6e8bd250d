//! An event as an endpoint may see it, which is all that a format gets.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::event::{Data, Event, Subject};
use super::right::RightSubject;
use crate::model::unified::{Unified, UnifiedId};
use crate::model::{Account, FieldDelta, Id, Kind, Seq, TenantId, Timestamp, Version, delta};

/// An event, rendered in the unified schema, without what the endpoint may not see.
pub(in crate::deliver) struct Shown<'a> {
    pub id: &'a str,
    pub event_type: &'static str,
    pub at: Timestamp,
    pub sequence: Option<Seq>,
    pub account: Option<Source<'a>>,
    pub data: ShownData<'a>,
}

/// The tenant in which it happened.
#[derive(Clone, Copy, Serialize)]
pub(in crate::deliver) struct Source<'a> {
    pub id: &'a TenantId,
    pub name: &'a str,
    pub region: Option<&'a str>,
}

/// What the event is about.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::deliver) enum ShownData<'a> {
    Record(ShownRecord<'a>),
    Right(ShownRight<'a>),
    Other(&'a Value),
}

/// What users hold, or what a role allows.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::deliver) struct ShownRight<'a> {
    #[serde(skip)]
    pub subject: RightSubject<'a>,
    pub data: Value,
}

/// The record that it is about.
#[derive(Serialize)]
pub(in crate::deliver) struct ShownRecord<'a> {
    #[serde(skip)]
    pub kind: Kind,
    #[serde(skip)]
    pub id: &'a Id,
    /// As it is now, or as it was when it was deleted.
    pub record: Fields<'a>,
    pub version: Version,
    /// For an update: which fields changed, with their values before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<BTreeMap<&'static str, FieldDelta>>,
    /// For a creation: the record that stood for the same subject and was deleted just before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced<'a>>,
}

#[derive(Serialize)]
pub(in crate::deliver) struct Replaced<'a> {
    id: UnifiedId<'a>,
    remote_id: &'a Id,
}

/// The fields of a record in the unified schema.
pub(in crate::deliver) enum Fields<'a> {
    /// All fields. A tree is made of them only when it is needed.
    All(Unified<'a>, OnceCell<Map<String, Value>>),
    /// The fields that an endpoint may see.
    Some(Map<String, Value>),
}

impl Fields<'_> {
    /// Returns a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::All(all, tree) => tree.get_or_init(|| tree_of(*all)).get(name),
            Self::Some(fields) => fields.get(name),
        }
    }

    /// Returns the fields, so that some can be removed.
    pub fn masked(&mut self) -> &mut Map<String, Value> {
        if let Self::All(all, _) = self {
            *self = Self::Some(tree_of(*all));
        }
        match self {
            Self::Some(fields) => fields,
            Self::All(..) => unreachable!("they were taken apart just now"),
        }
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(all, _) => all.serialize(serializer),
            Self::Some(fields) => fields.serialize(serializer),
        }
    }
}

fn tree_of(all: Unified<'_>) -> Map<String, Value> {
    match json!(all) {
        Value::Object(fields) => fields,
        _ => unreachable!("the unified schema has objects only"),
    }
}

impl<'a> Shown<'a> {
    /// Returns the event with everything that we know.
    pub(in crate::deliver) fn of(event: &'a Event<'a>) -> Self {
        let data = match &event.data {
            Data::Record(subject) => ShownData::Record(ShownRecord::of(*subject)),
            Data::Right(right) => ShownData::Right(ShownRight {
                subject: right.subject,
                data: right.data.clone(),
            }),
            Data::Other(value) => ShownData::Other(value),
        };
        Self {
            id: &event.id,
            event_type: event.event_type,
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
        Self {
            kind: record.kind(),
            id: record.id(),
            record: Fields::All(Unified(record), OnceCell::new()),
            version: subject.version,
            changes: subject.before.map(|before| delta(before, record)),
            replaces: subject.replaces.map(|id| Replaced {
                id: UnifiedId::of(record.kind(), id),
                remote_id: id,
            }),
        }
    }
}
