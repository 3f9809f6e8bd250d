//! Tells receivers when runs begin to fail and when they succeed again: once each.

use crate::model::{Fact, Mode, Outcome, Recovery, Run, Trigger};
use crate::store::{Closing, Store, StoreError};

use super::plan::{Target, commit};

/// Runs that are looked back at to find the last one that had an end: what the audit log sets
/// off stands between them.
const LOOK_BACK: usize = 500;

/// Writes the fact that a run is the first to fail, or to succeed again.
pub(super) fn tell(store: &Store, run: &Run) -> Result<(), StoreError> {
    let Some(fails) = fails(run) else {
        return Ok(());
    };
    let earlier = store.runs(Some(&run.tenant_name), LOOK_BACK)?;
    let failed = earlier
        .iter()
        .filter(|earlier| {
            // Reading a few records says little of whether the tenant can be read.
            earlier.id != run.id
                && earlier.mode == Mode::Commit
                && earlier.trigger != Trigger::Audit
        })
        .find_map(self::fails)
        .unwrap_or(None);
    let fact = match (failed, fails) {
        (None, Some((code, message))) => Fact::Failed {
            code: code.to_owned(),
            message: message.to_owned(),
        },
        (Some(_), None) => Fact::Recovered(Recovery::Sync),
        (None, None) | (Some(_), Some(_)) => return Ok(()),
    };
    // Until a tenant was reached once, nobody was told of it, and there is nothing to tell.
    let known = store.tenants()?.into_iter().find(|known| {
        run.tenant
            .as_ref()
            .map_or(known.name == run.tenant_name, |id| known.tenant.id == *id)
    });
    let Some(known) = known else {
        return Ok(());
    };
    let target = Target {
        tenant: known.no,
        run: run.id,
        account: known.tenant.account(),
    };
    let told = Closing::Told {
        plans: Vec::new(),
        facts: vec![fact],
    };
    let at = run.ended_at.unwrap_or(run.started_at);
    store
        .commit(commit(&target, at, Vec::new(), told))
        .map(drop)
}

type Failure<'a> = Option<(&'a str, &'a str)>;

/// Returns whether a run failed, and how; none: it says neither.
fn fails(run: &Run) -> Option<Failure<'_>> {
    match &run.outcome {
        Outcome::Failed { code, message } => Some(Some((code, message))),
        Outcome::Succeeded | Outcome::Degraded | Outcome::Held | Outcome::Incomplete { .. } => {
            Some(None)
        }
        Outcome::Running | Outcome::Interrupted => None,
    }
}
