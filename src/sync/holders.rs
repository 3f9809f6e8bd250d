//! Tells who is still known to hold a role, or to be in a group, that is gone.
//!
//! A role that Qlik has deleted has no holders, but its audit log need not name those who were. Were
//! the role's end told alone, they would show a role that there is not, and a limit that their losses
//! exceed would come too late to hold it.

use std::collections::BTreeSet;

use crate::model::{Kind, Record, RecordRef};
use crate::reconcile;
use crate::store::{Store, TenantNo};

use super::RunError;

/// Records that are read at a time.
const PAGE: usize = 256;

/// Who is known to hold what is gone, but for records that were asked for already.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holders {
    /// All of them.
    All(BTreeSet<RecordRef>),
    /// There are more than were looked for.
    More,
}

/// Looks for those who hold one of `gone`. Reads every user and group of the tenant, page by page.
pub(super) fn find(
    store: &Store,
    tenant: TenantNo,
    gone: &BTreeSet<RecordRef>,
    asked: &BTreeSet<RecordRef>,
    limit: usize,
) -> Result<Holders, RunError> {
    let mut found = BTreeSet::new();
    for kind in [Kind::Group, Kind::User] {
        let mut after = None;
        loop {
            let page = store.list(tenant, kind, after.as_ref(), PAGE);
            let page = page.map_err(RunError::store)?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.id().clone());
            for record in page.iter().map(|kept| &kept.record) {
                let reference = record.to_ref();
                if holds(record, gone) && !asked.contains(&reference) {
                    if found.len() == limit {
                        return Ok(Holders::More);
                    }
                    found.insert(reference);
                }
            }
        }
    }
    Ok(Holders::All(found))
}

fn holds(record: &Record, gone: &BTreeSet<RecordRef>) -> bool {
    reconcile::references(record).any(|reference| gone.contains(&reference))
}
