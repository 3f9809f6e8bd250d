//! Questions for reports: tables of everything, page by page.

use serde::{Deserialize, Serialize};

use crate::control::{ReportName, ReportPosition};
use crate::model::{TenantName, Timestamp};

/// A page of a report about one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRows {
    /// The tenant.
    pub tenant: TenantName,
    /// The report.
    pub report: ReportName,
    /// The time that the report describes; `None` for now. Questions for later pages repeat the
    /// time that the first page names.
    pub at: Option<Timestamp>,
    /// The time with which a report of changes begins; other reports ignore it.
    pub from: Option<Timestamp>,
    /// Where the previous page ended.
    pub after: Option<ReportPosition>,
    /// How many rows are wanted, at most [`MAX_PAGE`](crate::control::MAX_PAGE). There may be more,
    /// since a page has all rows of a record.
    pub limit: usize,
}
