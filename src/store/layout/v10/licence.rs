//! How far licences were read, with what a second reading must confirm.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;
use crate::store::layout::v7::licence::LicenceHead;
use crate::store::layout::v9::licence::{EarlierReading, Named};

stored!(10: LicenceReading);

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
    pub listed_so_far: Option<u64>,
    pub failures: u64,
    pub complete: u64,
    pub unconfirmed: u64,
    pub kept: u64,
    pub earlier: Option<EarlierReading>,
    pub named: Named,
}
