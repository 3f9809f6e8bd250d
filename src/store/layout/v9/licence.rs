//! How far licences were read: what the last complete reading found has fields of its own.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;
use crate::store::layout::v7::licence::LicenceHead;

stored!(9: LicenceReading);

/// How far the licence of a tenant was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceReading {
    pub number: u64,
    pub head: LicenceHead,
    pub cursor: Option<String>,
    pub last: Option<Timestamp>,
    pub began: Option<Timestamp>,
    pub tried: Option<Timestamp>,
    pub refused: bool,
    pub unreadable: u64,
    pub unreadable_so_far: u64,
    pub kept: u64,
    pub earlier: Option<EarlierReading>,
    pub named: Named,
}

/// An earlier complete reading.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EarlierReading {
    pub number: u64,
    pub began: Timestamp,
}

/// How often the audit log named the licence.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Named {
    pub times: u64,
    pub at_begin: u64,
    pub read: u64,
}
