//! Assignments of licences as they are stored, and how far they were read.

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey};

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
    /// Where the reading under way continues; `None` if it starts at the beginning, or if there is
    /// none.
    pub cursor: Option<String>,
    /// How many assignments could not be read in the last complete reading.
    pub unreadable: u64,
    /// How many could not be read so far in the reading that continues.
    pub unreadable_so_far: u64,
    /// How many subjects the last complete reading did not show, and that stay because the guard
    /// does not allow so many removals.
    pub kept: u64,
    /// An earlier complete reading: what was last shown before it and is still not shown a day
    /// later is removed, whatever the guard allows.
    pub compared: Option<Compared>,
    /// How often the audit log named the licence.
    pub named: Named,
}

/// An earlier complete reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Its number.
    pub number: u64,
    /// When it began.
    pub began: Timestamp,
}

/// How often the audit log named a licence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Named {
    /// In all.
    pub times: u64,
    /// Until the reading that continues began.
    pub at_begin: u64,
    /// Until the last complete reading began.
    pub read: u64,
}
