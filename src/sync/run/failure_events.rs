//! Writes one event when the runs of a tenant begin to fail, and one when they succeed again.

use crate::model::{Fact, Outcome, Recovery, Run};
use crate::store::{Closing, Store, StoreError};

use crate::sync::plan::commit::{Target, commit};

/// Writes an event if this run is the first to fail, or the first to succeed again.
pub(in crate::sync) fn write_event(store: &Store, run: &Run) -> Result<(), StoreError> {
    let Some(fails) = fails(run) else {
        return Ok(());
    };
    // Reading a few records says little about whether the tenant can be read.
    let earlier = store.newest_run(&run.tenant_name, |earlier| {
        earlier.id != run.id && earlier.is_sweep() && self::fails(earlier).is_some()
    })?;
    let failed = earlier.as_ref().and_then(self::fails).unwrap_or(None);
    let fact = match (failed, fails) {
        (None, Some((code, message))) => Fact::Failed {
            code: code.to_owned(),
            message: message.to_owned(),
        },
        (Some(_), None) => Fact::Recovered(Recovery::Sync),
        (None, None) | (Some(_), Some(_)) => return Ok(()),
    };
    // Until a tenant was reached once, receivers do not know of it, and no event is written.
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
    let closing = Closing::Report {
        plans: Vec::new(),
        facts: vec![fact],
    };
    let at = run.ended_at.unwrap_or(run.started_at);
    store
        .commit(commit(&target, at, Vec::new(), closing))
        .map(drop)
}

type Failure<'a> = Option<(&'a str, &'a str)>;

/// Returns the failure of a run: `Some(None)` if it did not fail, `None` if it has not ended or was
/// interrupted.
fn fails(run: &Run) -> Option<Failure<'_>> {
    match &run.outcome {
        Outcome::Failed { code, message } => Some(Some((code, message))),
        Outcome::Succeeded | Outcome::Degraded | Outcome::Held | Outcome::Incomplete { .. } => {
            Some(None)
        }
        Outcome::Running | Outcome::Interrupted => None,
    }
}
