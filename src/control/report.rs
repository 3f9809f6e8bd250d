//! Reports: tables of all users, roles, groups, memberships, rights, findings or changes of a
//! tenant, with columns that never change their meaning.
//!
//! All pages of a report describe one time, whatever a run changes meanwhile. Findings are the
//! exception: they are those of the moment at which each page is read.

mod columns;
mod page;
mod records;
mod rights;
mod walk;

use super::access::present;
use super::reading::Reading;
use super::{ControlError, Query, query};

pub use columns::{Cell, Column, ReportName, Sort};
pub use page::{ReportPage, ReportPosition};
pub use walk::{ReportAsked, ReportSummary, ReportWalk, TenantSummary};

impl Query for query::ReportRows {
    type Answer = ReportPage;

    fn about(&self) -> &'static str {
        "a report"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<ReportPage, ControlError> {
        let at = match self.at {
            Some(at) => at,
            None => present(reading)?,
        };
        match self.report {
            ReportName::Users => records::users(reading, self, at),
            ReportName::Roles => records::roles(reading, &self, at),
            ReportName::Groups => records::groups(reading, self, at),
            ReportName::Memberships => records::memberships(reading, self, at),
            ReportName::Access => rights::access(reading, self, at),
            ReportName::SpaceAccess => rights::space_access(reading, self, at),
            ReportName::Findings => rights::findings(reading, self, at),
            ReportName::Changes => rights::changes(reading, self, at),
        }
    }
}
