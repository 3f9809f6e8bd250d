//! Whom a run writes for, how its decisions are committed, and how an earlier run's are resumed.

use crate::model::{Account, RecordRef, RunId, Timestamp};
use crate::store::{Closing, Commit, MAX_WRITES, PlanHead, Store, TenantNo, Write};

use crate::sync::RunError;

/// The tenant and run that a plan writes for.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Target {
    pub(in crate::sync) tenant: TenantNo,
    pub(in crate::sync) run: RunId,
    pub(in crate::sync) account: Account,
}

/// Returns the record that a write changes.
pub(super) fn write_of(write: &Write) -> RecordRef {
    match write {
        Write::Change { change, .. } => change.latest().to_ref(),
        Write::Quiet { record, .. } => record.to_ref(),
        Write::Forget { record } => record.clone(),
    }
}

/// Resumes what an earlier run left. A sealed plan is carried out; one that was still being
/// gathered is dropped, since its sweep never reached the end.
pub(in crate::sync) fn resume(store: &Store, tenant: TenantNo) -> Result<Resumed, RunError> {
    match store.plan(tenant).map_err(RunError::store)? {
        None => {
            // Rows without a head belong to a run that ended while it gathered.
            store.drop_plan(tenant).map_err(RunError::store)?;
            Ok(Resumed::Nothing)
        }
        Some(plan) => {
            carry_out(store, tenant, &plan.head).map(|()| Resumed::CarriedOut(plan.head.run))
        }
    }
}

/// What an earlier run left.
pub(in crate::sync) enum Resumed {
    Nothing,
    CarriedOut(RunId),
}

pub(super) fn carry_out(store: &Store, tenant: TenantNo, head: &PlanHead) -> Result<(), RunError> {
    let target = Target {
        tenant,
        run: head.run,
        account: head.account.clone(),
    };
    loop {
        let writes = store
            .plan_rows_from(tenant, 0, MAX_WRITES)
            .map_err(RunError::store)?;
        if writes.is_empty() {
            return Ok(());
        }
        let closing = Closing::PlanRows(u32::try_from(writes.len()).unwrap_or(u32::MAX));
        store
            .commit(commit(&target, head.at, writes, closing))
            .map_err(RunError::store)?;
    }
}

pub(in crate::sync) fn commit(
    target: &Target,
    at: Timestamp,
    writes: Vec<Write>,
    closing: Closing,
) -> Commit {
    Commit {
        tenant: target.tenant,
        run: target.run,
        at,
        account: target.account.clone(),
        writes,
        closing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Fingerprint, Record, Tenant, TenantId, TenantName, User, UserId};

    #[test]
    fn rows_of_a_run_that_ended_while_it_gathered_never_happen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName("t".into());
        let known = store.adopt(&tenant, &name, Timestamp::from_millis(0));
        let no = known.unwrap().no;
        let id = crate::model::Id::parse("60d5ca1b2f8a4c0000000001").unwrap();
        let write = Write::Change {
            change: Change::Created {
                after: Record::User(User::new(UserId(id), "s")),
                replaces: None,
            },
            fingerprint: Fingerprint([7; 16]),
            raw: "{}".into(),
            reported: None,
        };
        store.stage(no, 5, &[write]).unwrap();

        let resumed = resume(&store, no).unwrap();

        assert!(matches!(resumed, Resumed::Nothing));
        assert_eq!(store.count_plan_rows(no).unwrap(), 0);
        assert_eq!(store.last_seq(), crate::model::Seq::START);
    }
}
