//! The licence of a tenant, and to whom it is assigned.
//!
//! A licence may be that of several tenants. It is assigned to subjects, the names that identity
//! providers give users, and not to accounts. Qlik does not keep their letter case.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The most bytes of a subject: those of users are shorter by far. A longer one cannot be read.
pub const MAX_SUBJECT: usize = 512;

/// What a licence says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceHead {
    /// Its number: tenants with the same number share it. `None` if the source does not say.
    pub number: Option<String>,
    /// How much of each type there is, by name.
    pub allotments: BTreeMap<String, Allotment>,
}

/// How much there is of one type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// How many there are; `None` if the source does not say.
    pub units: Option<i64>,
    /// How many of them are used.
    pub used: Option<i64>,
    /// How many more may be used; -1 means any number.
    pub overage: Option<i64>,
}

/// An assignment of a licence.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceAssignment {
    /// The subject, in the letter case in which the source shows it.
    pub subject: String,
    /// `professional`, `analyzer` and so on, as written; `None` if the source does not say.
    pub sort: Option<String>,
    /// Whether there are more assignments than the licence has units.
    pub is_excess: Option<bool>,
    /// When it was assigned.
    pub created_at: Option<Timestamp>,
}

/// Shows nothing that names a person.
impl fmt::Debug for LicenceAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenceAssignment")
            .field("sort", &self.sort)
            .field("is_excess", &self.is_excess)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

impl LicenceAssignment {
    /// Returns the subject by which it is compared.
    pub fn key(&self) -> SubjectKey {
        SubjectKey::of(&self.subject)
    }
}

/// A subject in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectKey(String);

impl SubjectKey {
    /// Makes the key of a subject.
    pub fn of(subject: &str) -> Self {
        Self(subject.to_lowercase())
    }

    /// Makes the key of a subject that a source may have turned into lower case letter by letter,
    /// as most programs do. It differs from [`SubjectKey::of`] in few languages.
    pub fn by_letter(subject: &str) -> Self {
        let lower = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
        Self(subject.chars().map(lower).collect())
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows nothing that names a person.
impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey")
    }
}

/// Writes the text: ids of findings depend on it.
impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
