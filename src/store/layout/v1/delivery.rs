//! How far deliveries have got, in format 1.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Id, Seq, Timestamp};
use crate::store::layout::stored;

use super::record::{Kind, RecordRef};

stored!(1: Cursor, Deferred, Parked, Order, Attempts<'a>, OrphanedEndpoints);

/// A record up to which a backfill has got: the tenant's number, kind and id.
pub type BackfillPosition = (u32, Kind, Id);

#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    pub settled: Seq,
    pub ahead: Vec<Seq>,
    pub trouble: Option<Trouble>,
    pub failing: Option<Failing>,
    pub disabled: Option<Disabled>,
    pub backfill: Option<Backfill>,
    pub delivered_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Trouble {
    pub probes: u32,
    pub due: Timestamp,
    pub reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Failing {
    pub since: Timestamp,
    pub last: Timestamp,
    pub attempts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Disabled {
    pub at: Timestamp,
    pub by: DisabledBy,
    pub reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum DisabledBy {
    Operator,
    Receiver { url_mark: String },
    Failures,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Backfill {
    pub mark: Seq,
    pub at: Timestamp,
    pub tenant: Option<u32>,
    pub after: Option<BackfillPosition>,
    pub beyond: Vec<BackfillPosition>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Item {
    Entry(Seq),
    Snapshot {
        mark: Seq,
        at: Timestamp,
        tenant: u32,
        record: RecordRef,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Deferred {
    pub entity: u64,
    pub after: Option<u64>,
    pub attempts: u32,
    pub due: Option<Timestamp>,
    pub is_endpoints: bool,
    pub is_alone: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Parked {
    pub item: Item,
    pub reason: String,
    pub at: Timestamp,
    pub attempts: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    Enable,
    Disable { at: Timestamp },
    Rewind { to: Seq },
    Backfill { at: Timestamp, mark: Seq },
}

/// The attempts of one row, one after the other.
#[derive(Debug, Serialize, Deserialize)]
pub struct Attempts<'a>(pub Vec<Attempt<'a>>);

#[derive(Debug, Serialize, Deserialize)]
pub struct Attempt<'a> {
    pub item: Item,
    pub event_type: Cow<'a, str>,
    pub number: u32,
    pub at: Timestamp,
    pub took_ms: u32,
    pub status: Option<u16>,
    pub answer: Cow<'a, str>,
    pub error: Option<Cow<'a, str>>,
}

/// Endpoints that are not configured, and when that was first noticed.
#[derive(Debug, Serialize, Deserialize)]
pub struct OrphanedEndpoints(pub BTreeMap<EndpointName, Timestamp>);
