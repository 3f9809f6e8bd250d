//! A page of a report, and where the next one begins.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::columns::Cell;
use crate::control::{FindingPosition, NotKnown};
use crate::model::{Id, Seq, Timestamp};

/// Where a page of a report ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportPosition {
    /// With all rows of a user, a role or a group.
    Record(Id),
    /// With a finding.
    Finding(FindingPosition),
}

/// A page of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPage {
    /// The time that the report describes.
    pub as_of: Timestamp,
    /// The last entry of the journal when the page was read.
    pub seq: Seq,
    /// The rows, each with a cell for each column of the report.
    pub rows: Vec<Vec<Cell>>,
    /// What is not known, as far as this page shows.
    pub not_known: BTreeSet<NotKnown>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<ReportPosition>,
}

impl ReportPosition {
    /// Returns the record with which a page ended; `None` if it ended with something else.
    pub(super) fn record(position: Option<Self>) -> Option<Id> {
        match position? {
            Self::Record(id) => Some(id),
            Self::Finding(_) => None,
        }
    }
}
