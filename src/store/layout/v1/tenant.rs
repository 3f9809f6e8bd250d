//! What the store says about itself and about tenants, in format 1.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::{TenantId, TenantName, Timestamp};
use crate::store::layout::stored;

use super::record::RecordRef;

stored!(1: Head, Seq, Usage, Census, TenantRow<'a>, Links<'a>, Absent, Bookmark, Nothing);

/// How far the store has got.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Head {
    pub commits: u64,
    pub last: u64,
    pub at: Timestamp,
}

/// A position in the journal: where it was cut, or where a first load ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Seq(pub u64);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    pub count: Count,
    pub commits: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Count {
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Census {
    pub count: u64,
    pub checksum: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct TenantRow<'a> {
    pub tenant: Tenant<'a>,
    pub name: TenantName,
    pub adopted_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Tenant<'a> {
    pub id: TenantId,
    pub name: Cow<'a, str>,
    pub hosts: Cow<'a, [String]>,
    pub region: Option<Cow<'a, str>>,
    pub status: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Links<'a>(pub Vec<Link<'a>>);

#[derive(Debug, Serialize, Deserialize)]
pub struct Link<'a> {
    pub id: Cow<'a, str>,
    pub name: TenantName,
    pub hosts: Cow<'a, [String]>,
    pub region: Option<Cow<'a, str>>,
    pub pause: Option<Pause>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Pause {
    Status(String),
    Gone,
    LeftOut,
    SameAs(TenantName),
    NotConfigured,
}

/// In how many complete sweeps in a row a record was missing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Absent(pub u32);

#[derive(Debug, Serialize, Deserialize)]
pub struct Bookmark {
    pub since: Timestamp,
    pub until: Timestamp,
    pub untold: Vec<(Timestamp, RecordRef)>,
}

/// The value of rows whose key says everything.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Nothing;
