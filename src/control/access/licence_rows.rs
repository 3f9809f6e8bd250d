//! The answers about licences.

use serde::{Deserialize, Serialize};

use crate::model::{LicenceAssignment, LicenceHead, SubjectKey, TenantName, Timestamp};

use super::answers::AccessPage;

/// Filters for assignments of a licence. An assignment must match all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceChoice {
    /// Those of this type, as the source writes it. Letter case is ignored.
    pub sort: Option<String>,
    /// All, or orphans alone.
    pub which: WhichLicences,
}

/// Which assignments of a licence are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichLicences {
    /// All.
    All,
    /// Those to subjects that no user has in any tenant of the licence.
    Orphans,
}

/// A page of the assignments of a licence, in the order of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicencesPage {
    /// The assignments. All assignments of one subject are on one page.
    pub page: AccessPage<LicenceRow, SubjectKey>,
    /// What the licence says about itself; `None` if it says nothing, or was never read.
    pub licence: Option<LicenceHead>,
    /// When the last complete reading of the assignments began; `None` if there was none.
    pub read_at: Option<Timestamp>,
    /// The tenants of the same licence whose users were searched, by name; empty if nobody
    /// asked for orphans.
    pub searched: Vec<TenantName>,
}

/// Since when a subject has what the licence assigns to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "basis")]
pub enum LicenceSince {
    /// A reading found it, and the one before had not.
    Observed {
        /// When, by our clock.
        at: Timestamp,
    },
    /// The first reading found it.
    BeforeFirstReading {
        /// When that reading ended.
        at: Timestamp,
    },
}

/// An assignment of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceRow {
    /// The assignment.
    pub assignment: LicenceAssignment,
    /// Since when the subject has what it has; `None` if that is not known.
    pub since: Option<LicenceSince>,
    /// Whether no user has its subject; `None` if nobody asked, or if that is not known.
    pub is_orphan: Option<bool>,
}
