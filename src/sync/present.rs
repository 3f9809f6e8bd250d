//! Tells what a poll's losses are weighed against: what the last sweep saw, and what went since.
//! Else a tenant could be emptied a little at a time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::model::{Kind, Loss, Record, TenantName};
use crate::reconcile;
use crate::store::{SinceSweep, Store, TenantNo};

use super::RunError;
use super::plan::Plan;
use super::tally::Scales;

/// Returns how much of each sort a tenant had, and how much is left once the changes of `plan`
/// are made and these are `gone`.
pub(super) fn scales(
    store: &Store,
    tenant: TenantNo,
    name: &TenantName,
    plan: &Plan,
    gone: &[Record],
) -> Result<Scales, RunError> {
    let SinceSweep { sweep, lost } = store.since_sweep(name).map_err(RunError::store)?;
    let mut scales = Scales {
        known: sweep.map(|sweep| sweep.population).unwrap_or_default(),
        before: lost,
        ..Scales::default()
    };
    let of = |map: &BTreeMap<Loss, u64>, loss| map.get(&loss).copied().unwrap_or(0);
    // Of records there is a count.
    for kind in Kind::ALL {
        let present = store.census(tenant, kind).map_err(RunError::store)?.count;
        let n_gone = gone.iter().filter(|record| record.kind() == kind).count() as u64;
        let loss = reconcile::loss_of(kind);
        let before = of(&scales.before, loss);
        scales.known.insert(loss, present + before);
        scales.shown.insert(loss, present.saturating_sub(n_gone));
    }
    // Of access there is none, so it is counted, as far as it matters whether any is left.
    for loss in [Loss::Memberships, Loss::RoleAssignments] {
        let (gained, lost) = plan.shift(loss);
        let went = lost + gone.iter().map(|record| access(record, loss)).sum::<u64>();
        let left = match lost {
            0 => of(&scales.known, loss),
            _ => (count_access(store, tenant, loss, went + 1)? + gained).saturating_sub(went),
        };
        scales.shown.insert(loss, left);
    }
    Ok(scales)
}

/// Counts the memberships or role assignments that are known, until they are `enough`.
fn count_access(store: &Store, tenant: TenantNo, loss: Loss, enough: u64) -> Result<u64, RunError> {
    let mut count = 0;
    for kind in [Kind::User, Kind::Group] {
        let walked = store.walk(tenant, kind, &mut |record| {
            count += access(record, loss);
            match count < enough {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        walked.map_err(RunError::store)?;
    }
    Ok(count)
}

/// Returns how many memberships or role assignments a record has, as far as they are known.
fn access(record: &Record, loss: Loss) -> u64 {
    let (roles, groups) = reconcile::lens(record);
    let count = match loss {
        Loss::Memberships => groups,
        Loss::RoleAssignments => roles,
        Loss::Users | Loss::Roles | Loss::Groups => None,
    };
    count.unwrap_or(0) as u64
}
