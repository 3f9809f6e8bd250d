//! The answers about licences.

use serde::{Deserialize, Serialize};

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey, TenantName, Timestamp};

use super::answers::AccessPage;

/// Which licences are wanted. All that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceChoice {
    /// Those of this type, as the source writes it. Letter case is ignored.
    pub sort: Option<String>,
    /// Whose licences.
    pub whose: LicenceHolders,
}

/// Whose licences are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceHolders {
    /// Everybody's.
    All,
    /// Those of subjects that no user of the tenants of the licence has.
    Nobody,
}

/// A page of the assignments of a licence, in the order of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicencesPage {
    /// The assignments. All assignments of one subject are on one page.
    pub page: AccessPage<LicenceRow, SubjectKey>,
    /// What the licence says about itself; `None` if it was never read.
    pub licence: Option<LicenceHead>,
    /// When the last complete reading of the assignments began; `None` if there was none.
    pub read_at: Option<Timestamp>,
    /// The tenants of the same licence whose users were searched, by name; empty unless orphan
    /// licences are wanted.
    pub searched: Vec<TenantName>,
}

/// An assignment of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceRow {
    /// The assignment.
    pub assignment: LicenceAssignment,
}
