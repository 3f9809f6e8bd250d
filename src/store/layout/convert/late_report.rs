//! Converts what the audit log reported about a change only after we had found the change.

use std::collections::BTreeSet;

use crate::model::Reported;
use crate::store::layout::v9::late_report::LateReport;

impl From<&Reported> for LateReport {
    fn from(reported: &Reported) -> Self {
        let Reported { first, last, by } = reported;
        Self {
            first: *first,
            last: *last,
            by: by.as_ref().map(|users| users.iter().cloned().collect()),
        }
    }
}

impl From<LateReport> for Reported {
    fn from(late: LateReport) -> Self {
        let LateReport { first, last, by } = late;
        Self {
            first,
            last,
            by: by.map(BTreeSet::from_iter),
        }
    }
}
