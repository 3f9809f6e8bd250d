//! Assignments of licences as they are stored, and how far they were read.

use crate::model::{Account, LicenceAssignment, LicenceHead, RunId, SubjectKey, Timestamp};

use super::reading::ReadingMark;

/// What is assigned to one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLicence {
    /// The subject.
    pub subject: SubjectKey,
    /// The assignments that the last complete reading found, one of each type and letter case;
    /// empty if the subject was first shown later.
    pub assignments: Vec<LicenceAssignment>,
    /// The assignments that a reading has shown since which has not ended; `None` if they are the
    /// same.
    pub shown: Option<Vec<LicenceAssignment>>,
    /// The number of the reading in which the subject was last shown.
    pub reading: u64,
    /// When the assignments last changed, by our clock; `None` if they are as the first reading
    /// found them.
    pub changed_at: Option<Timestamp>,
}

/// How far the assignments of the licence of a tenant were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenceReading {
    /// The readings of its assignments.
    pub mark: ReadingMark,
    /// What the licence last said about itself.
    pub head: LicenceHead,
    /// The number of the licence that the stored assignments are of; `None` if it is not known.
    pub licence: Option<String>,
    /// When the first complete reading ended; `None` if it has not. Nothing is known of an earlier
    /// time.
    pub first: Option<Timestamp>,
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

impl LicenceReading {
    /// Returns whether the tenant has another licence than the one whose assignments are stored.
    pub fn is_of_another(&self) -> bool {
        let numbers = self.licence.as_ref().zip(self.head.number.as_ref());
        numbers.is_some_and(|(stored, shown)| stored != shown)
    }
}

/// What the end of a listing changes.
#[derive(Debug, Clone)]
pub struct LicenceEnd {
    /// The number of the reading whose listing has ended.
    pub number: u64,
    /// Subjects that were last shown before the reading with this number are removed.
    pub remove_before: u64,
    /// What the entries about its changes contain; `None` to report nothing, as of a first reading.
    pub report: Option<LicenceReport>,
}

/// What entries about changes of a licence contain.
#[derive(Debug, Clone)]
pub struct LicenceReport {
    /// The run that found them.
    pub run: RunId,
    /// When it found them.
    pub at: Timestamp,
    /// The tenant as entries name it.
    pub account: Account,
    /// When the complete reading before began; `None` if that is not known.
    pub not_before: Option<Timestamp>,
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
