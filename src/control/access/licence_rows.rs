//! The answers about licences.

use serde::{Deserialize, Serialize};

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey, TenantName, Timestamp};

use super::answers::AccessPage;

/// Which licences are wanted. All that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceChoice {
    /// Those of this type, as the source writes it. Letter case is ignored.
    pub sort: Option<String>,
    /// Whose.
    pub whose: LicenceHolders,
}

/// Whose licences are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceHolders {
    /// Everybody's.
    All,
    /// Those of subjects whom none of the tenants of the licence knows.
    Nobody,
}

/// A page of the assignments of a licence, by subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicencesPage {
    /// The assignments. All of a subject are on one page.
    pub page: AccessPage<LicenceRow, SubjectKey>,
    /// What the licence says about itself; `None` if it was never read.
    pub licence: Option<LicenceHead>,
    /// When the last reading of all assignments began that has ended; `None` if none has.
    pub read_at: Option<Timestamp>,
    /// The tenants of the same licence whose users were searched, by name; empty if nobody asked
    /// whose the licences are.
    pub searched: Vec<TenantName>,
}

/// An assignment of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceRow {
    /// The assignment.
    pub assignment: LicenceAssignment,
}
