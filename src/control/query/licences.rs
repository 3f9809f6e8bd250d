//! The questions about licences.

use serde::{Deserialize, Serialize};

use crate::control::LicenceChoice;
use crate::model::{SubjectKey, TenantName, Timestamp};

/// To whom the licence of a tenant is assigned, by subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licences {
    /// The tenant.
    pub tenant: TenantName,
    /// As it was then; `None` means now.
    pub at: Option<Timestamp>,
    /// The filter.
    pub choice: LicenceChoice,
    /// The last subject of the previous page.
    pub after: Option<SubjectKey>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE). There may be a few
    /// more, since a page ends with all rows of a subject.
    pub limit: usize,
}

/// Which tenants to ask about licences. Of the tenants that share a licence, this is the first one
/// whose licence was read in full, or else the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceTenants {
    /// As it was then; `None` means now.
    pub at: Option<Timestamp>,
    /// The last tenant of the previous page.
    pub after: Option<TenantName>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE).
    pub limit: usize,
}
