//! To whom licences are assigned, as it is kept, and how far that was read.

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey, Timestamp};

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

/// How far it was read to whom the licence of a tenant is assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenceReading {
    /// The number of the reading that goes on, or else of the last one.
    pub number: u64,
    /// What the licence said about itself at last.
    pub head: LicenceHead,
    /// Where the reading goes on; `None` if from the beginning, or if none goes on.
    pub cursor: Option<String>,
    /// When the last reading began that reached its end; `None` if none has.
    pub last: Option<Timestamp>,
    /// When the reading began that has not reached its end; `None` if there is none.
    pub began: Option<Timestamp>,
    /// When the licence was last asked for.
    pub tried: Option<Timestamp>,
    /// Whether that was refused: these credentials may not read it.
    pub is_refused: bool,
    /// How many assignments could not be read, in the reading that goes on or else in the last one.
    pub unreadable: u64,
    /// How many assignments the last reading did not show, and that stay because they are more than
    /// the guard allows at once.
    pub held: u64,
}
