//! Assignments of licences as they are stored, and how far they were read.

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey, Timestamp};

use super::reading::ReadingMark;

/// What is assigned to one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLicence {
    /// The subject.
    pub subject: SubjectKey,
    /// The assignments, one of each type and letter case.
    pub assignments: Vec<LicenceAssignment>,
    /// The number of the reading in which they were last shown.
    pub reading: u64,
}

/// How far the assignments of the licence of a tenant were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenceReading {
    /// The readings of its assignments.
    pub mark: ReadingMark,
    /// What the licence last said about itself.
    pub head: LicenceHead,
    /// Where the reading under way continues; `None` if it starts at the beginning, or if no
    /// reading is under way.
    pub cursor: Option<String>,
    /// How many assignments could not be read in the last complete reading.
    pub unreadable: u64,
    /// How many have not been readable so far in the reading under way.
    pub unreadable_so_far: u64,
    /// How many assignments the reading under way was shown so far; `None` if it began before
    /// anybody counted them.
    pub listed_so_far: Option<u64>,
    /// How many times in a row the listing failed at this cursor.
    pub failures: u64,
    /// The number of the last complete reading that could read every assignment; 0 if there was
    /// none.
    pub complete: u64,
    /// How many subjects the last complete reading did not show, but the one before it did. They
    /// stay until a second reading does not show them either.
    pub unconfirmed: u64,
    /// How many subjects the last complete reading did not show, and the guard does not allow so
    /// many removals at once. They stay.
    pub kept: u64,
    /// An earlier complete reading. Subjects that were last shown before it, and are still not
    /// shown a day later, are removed whatever the guard allows.
    pub earlier: Option<EarlierReading>,
    /// How often the audit log named the licence.
    pub named: Named,
}

/// An earlier complete reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierReading {
    /// Its number.
    pub number: u64,
    /// When it began.
    pub began: Timestamp,
}

/// How often the audit log named a licence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Named {
    /// In total.
    pub times: u64,
    /// Before the reading under way began.
    pub at_begin: u64,
    /// Before the last complete reading began.
    pub read: u64,
}
