//! Tells who is still known to hold a role, or to be in a group, that is gone.
//!
//! A role that Qlik has deleted has no holders, but its audit log need not name those who were. Were
//! the role's end told alone, they would show a role that there is not, and a limit that their losses
//! exceed would come too late to hold it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::model::{Kind, Record, RecordRef};
use crate::reconcile;
use crate::store::{Store, TenantNo};

use super::RunError;

/// Who is known to hold what is gone, but for records that were asked for already.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holders {
    /// All of them.
    All(BTreeSet<RecordRef>),
    /// There are more than were looked for.
    More,
}

/// Looks for those who hold one of `gone`. Reads the users and groups of the tenant until they are more than `limit`.
pub(super) fn find(
    store: &Store,
    tenant: TenantNo,
    gone: &BTreeSet<RecordRef>,
    asked: &BTreeSet<RecordRef>,
    limit: usize,
) -> Result<Holders, RunError> {
    let mut found = BTreeSet::new();
    for kind in [Kind::Group, Kind::User] {
        let walked = store.walk(tenant, kind, &mut |record| {
            let reference = record.to_ref();
            if holds(record, gone) && !asked.contains(&reference) {
                found.insert(reference);
            }
            match found.len() > limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        walked.map_err(RunError::store)?;
    }
    Ok(match found.len() > limit {
        true => Holders::More,
        false => Holders::All(found),
    })
}

fn holds(record: &Record, gone: &BTreeSet<RecordRef>) -> bool {
    reconcile::references(record).any(|reference| gone.contains(&reference))
}
