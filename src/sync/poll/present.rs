//! Works out what a poll's losses are weighed against: what the last sweep saw, and what has gone
//! since. Otherwise a tenant could be emptied a little at a time.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::model::{Kind, Loss, Record, TenantName};
use crate::reconcile;
use crate::store::{SinceSweep, Store, TenantNo};

use crate::sync::RunError;
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::tally::Scales;

/// Returns how many of each sort a tenant had, and how many are left once the changes of `plan` are
/// made and the `gone` records are removed.
pub(in crate::sync) fn scales(
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
    // Records are counted in the store.
    for kind in Kind::ALL {
        let present = store.census(tenant, kind).map_err(RunError::store)?.count;
        let n_gone = gone.iter().filter(|record| record.kind() == kind).count() as u64;
        let loss = reconcile::loss_of(kind);
        let before = of(&scales.before, loss);
        scales.known.insert(loss, present + before);
        scales.shown.insert(loss, present.saturating_sub(n_gone));
    }
    // Access is not counted there, so we count it here, far enough to see if any is left.
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

/// Counts the known memberships or role assignments, up to `enough`.
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
    let (roles, groups) = reconcile::assigned_counts(record);
    let count = match loss {
        Loss::Memberships => groups,
        Loss::RoleAssignments => roles,
        Loss::Users | Loss::Roles | Loss::Groups => None,
    };
    count.unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Mode, Outcome, Timestamp, Trigger};
    use crate::store::{NewRun, Write};
    use crate::sync::tests::{Stored, group, role, user};

    /// Notes a sweep that saw this much of each sort, and a poll since then that removed this much.
    fn note_runs(stored: &Stored, seen: &[(Loss, u64)], lost: &[(Loss, u64)]) {
        for (trigger, population, lost) in [
            (Trigger::Schedule, seen, &[][..]),
            (Trigger::Audit, &[][..], lost),
        ] {
            let begun = stored.store.begin_run(NewRun {
                tenant_name: stored.name.clone(),
                tenant: None,
                trigger,
                mode: Mode::Commit,
                started_at: Timestamp::from_millis(2),
            });
            let mut run = begun.unwrap();
            run.outcome = Outcome::Succeeded;
            run.population = population.iter().copied().collect();
            run.lost = lost.iter().copied().collect();
            stored.store.save_run(&run).unwrap();
        }
    }

    #[test]
    fn what_went_since_the_last_sweep_counts_with_what_goes_now() {
        let stored = Stored::of(&(1..=10).map(|n| user(n, &[], &[])).collect::<Vec<_>>());
        note_runs(&stored, &[(Loss::Users, 13)], &[(Loss::Users, 3)]);
        let plan = Plan::gather(stored.target.clone(), None);
        let gone = [user(1, &[], &[]), user(2, &[], &[])];

        let of_tenant = (stored.target.tenant, &stored.name);
        let scales = scales(&stored.store, of_tenant.0, of_tenant.1, &plan, &gone).unwrap();

        assert_eq!(scales.before[&Loss::Users], 3);
        assert_eq!(scales.known[&Loss::Users], 13);
        assert_eq!(scales.shown[&Loss::Users], 8);
    }

    #[test]
    fn what_is_left_of_access_is_counted_where_some_goes() {
        // Some of three assignments go because a user changed, or because a user is gone.
        for (changed, gone, is_any_left) in [
            (vec![(1, vec![])], vec![], true),
            (vec![(1, vec![])], vec![2], true),
            (vec![(1, vec![]), (2, vec![])], vec![3], false),
            // Another assignment replaces the last one.
            (vec![(1, vec![]), (2, vec![2])], vec![3], true),
        ] {
            let stored = Stored::of(&[
                role(1),
                role(2),
                group(3, &[1]),
                user(1, &[1], &[]),
                user(2, &[1], &[]),
            ]);
            note_runs(&stored, &[(Loss::RoleAssignments, 7)], &[]);
            let mut plan = Plan::gather(stored.target.clone(), None);
            for (n, roles) in &changed {
                let change = Change::Updated {
                    before: user(*n, &[1], &[]),
                    after: user(*n, roles, &[]),
                };
                let write = Write::Change {
                    fingerprint: reconcile::fingerprint(change.latest()),
                    change,
                    raw: "{}".into(),
                    reported: None,
                };
                plan.push(&stored.store, write).unwrap();
            }
            let gone: Vec<Record> = gone
                .into_iter()
                .map(|n| match n {
                    3 => group(3, &[1]),
                    n => user(n, &[1], &[]),
                })
                .collect();

            let no = stored.target.tenant;
            let scales = scales(&stored.store, no, &stored.name, &plan, &gone).unwrap();

            let shown = scales.shown[&Loss::RoleAssignments];
            assert_eq!(shown > 0, is_any_left, "{changed:?} {gone:?}: {shown}");
        }
    }
}
