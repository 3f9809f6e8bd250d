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
    /// Where the reading under way continues; `None` if it starts at the beginning, or if no
    /// reading is under way.
    pub cursor: Option<String>,
    /// How many assignments could not be read, in the reading under way or else in the last one.
    pub unreadable: u64,
    /// How many subjects the last reading did not show. They stay, because the guard does not allow
    /// so many removals at once.
    pub kept: u64,
}
