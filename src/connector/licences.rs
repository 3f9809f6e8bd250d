//! What a source shows of the licence of a tenant.

use crate::model::LicenceAssignment;

/// A page of the assignments of a licence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicencePage {
    /// Assignments that could be read.
    pub assignments: Vec<LicenceAssignment>,
    /// How many assignments could not be read.
    pub unreadable: u64,
    /// How many assignments the listing has in all; `None` if the source does not say.
    pub total: Option<u64>,
    /// Where the next page begins; `None` if the source said that there are no more.
    pub next: Option<String>,
}
