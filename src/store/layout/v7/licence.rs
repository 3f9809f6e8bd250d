//! Licences: what is assigned to each subject, and how far that was read.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;

stored!(7: LicenceRow, LicenceReading);

/// What is assigned to the subject in the key, and the reading in which it was last shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceRow {
    pub assignments: Vec<LicenceAssignment>,
    pub reading: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceAssignment {
    pub subject: String,
    pub sort: Option<String>,
    pub excess: Option<bool>,
    pub created_at: Option<Timestamp>,
}

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
    pub held: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceHead {
    pub number: Option<String>,
    pub allotments: Vec<(String, Allotment)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Allotment {
    pub units: Option<i64>,
    pub used: Option<i64>,
    pub overage: Option<i64>,
}
