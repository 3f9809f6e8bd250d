//! Licences: what is assigned to each subject, how that changed, and how far it was read.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;
use crate::store::layout::stored;
use crate::store::layout::v7::licence::{LicenceAssignment, LicenceHead};
use crate::store::layout::v9::licence::{EarlierReading, Named};

stored!(10: LicenceRow, LicenceReading);

/// What the last complete reading found of the subject in the key, the reading in which it was last
/// shown, what that has shown if it differs and has not ended, and when it last changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceRow {
    pub assignments: Vec<LicenceAssignment>,
    pub reading: u64,
    pub shown: Option<Vec<LicenceAssignment>>,
    pub changed_at: Option<Timestamp>,
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
    pub unreadable_so_far: u64,
    pub kept: u64,
    pub earlier: Option<EarlierReading>,
    pub named: Named,
    pub listed_so_far: Option<u64>,
    pub failures: u64,
    pub complete: u64,
    pub unconfirmed: u64,
    pub first: Option<Timestamp>,
    pub licence: Option<String>,
}

/// What a complete reading found to have changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct LicenceChange {
    pub not_before: Option<Timestamp>,
    pub licence: Option<(Option<String>, Option<String>)>,
    pub subjects: Vec<SubjectChange>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SubjectChange {
    pub subject: String,
    pub before: Vec<LicenceAssignment>,
    pub since: Option<Timestamp>,
    pub after: Vec<LicenceAssignment>,
}
