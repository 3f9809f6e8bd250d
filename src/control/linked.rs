//! Reports the tenants: how each is reached, whether it is read, and how that goes.

use std::collections::BTreeMap;

use crate::model::{Kind, Mode, Outcome, Pause, Run, Tenant, TenantName};
use crate::store::{Known, Store, StoreError};
use crate::sync::{Linked, TenantRegistry};

use super::reading::Reading;
use super::reply::{LinkedRow, Standing, UnreadRow};
use super::{ControlError, Page, Query, page, query};

impl Query for query::Tenants {
    type Answer = Page<LinkedRow, TenantName>;

    fn about(&self) -> &'static str {
        "the tenants"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let mut rows = rows(reading.store, &reading.context.registry)?;
        if let Some(wanted) = &self.tenant {
            rows.retain(|row| row.name == *wanted);
            if rows.is_empty() {
                return Err(reading.unknown(wanted));
            }
        }
        rows.retain(|row| self.after.as_ref().is_none_or(|after| row.name > *after));
        Ok(Page::of(rows, page::size(self.limit), |last| {
            last.name.clone()
        }))
    }
}

/// Returns all tenants by name: the linked ones, and those that only the store knows.
fn rows(store: &Store, registry: &TenantRegistry) -> Result<Vec<LinkedRow>, StoreError> {
    let mut known: BTreeMap<TenantName, Known> = store
        .tenants()?
        .into_iter()
        .map(|known| (known.name.clone(), known))
        .collect();
    let mut rows = Vec::new();
    for linked in registry.list() {
        let name = linked.name();
        rows.push(row(store, name, Some(&*linked), known.remove(name))?);
    }
    for (name, known) in known {
        rows.push(row(store, &name, None, Some(known))?);
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

/// Returns the tenants that should be read but have not completed a first load, by name.
pub(super) fn unread(
    store: &Store,
    registry: &TenantRegistry,
) -> Result<Vec<UnreadRow>, StoreError> {
    let known = store.tenants()?;
    let is_loaded = |name: &TenantName| {
        let mut known = known.iter();
        known.any(|known| known.name == *name && known.loaded.is_some())
    };
    let mut rows = Vec::new();
    for linked in registry.list() {
        let name = linked.name();
        if linked.pause().is_some() || is_loaded(name) {
            continue;
        }
        let why = last(store, name)?.and_then(|run| failure(run.outcome));
        rows.push(UnreadRow {
            name: name.clone(),
            why,
        });
    }
    Ok(rows)
}

/// Returns the last run of a tenant that says something about its state: a dry run does not, nor
/// one that reads spaces or the licence, and a run under way does not yet.
fn last(store: &Store, name: &TenantName) -> Result<Option<Run>, StoreError> {
    store.newest_run(name, |run| {
        run.mode == Mode::Commit && !run.trigger.is_apart() && run.outcome != Outcome::Running
    })
}

fn row(
    store: &Store,
    name: &TenantName,
    linked: Option<&Linked>,
    known: Option<Known>,
) -> Result<LinkedRow, StoreError> {
    let last = last(store, name)?;
    let success = store.last_sweep(name)?;
    let pause = match linked {
        Some(linked) => linked.pause(),
        None => Some(Pause::NotConfigured),
    };
    let users = match &known {
        Some(known) => Some(store.census(known.no, Kind::User)?.count),
        None => None,
    };
    let tenant = known.map(|known| known.tenant);
    let hosts = match (&tenant, linked) {
        (Some(tenant), _) if !tenant.hosts.is_empty() => tenant.hosts.clone(),
        (_, linked) => linked
            .iter()
            .map(|linked| linked.host().to_owned())
            .collect(),
    };
    Ok(LinkedRow {
        name: name.clone(),
        standing: standing(pause, tenant.as_ref(), last),
        connection: linked.map(|linked| linked.connection().clone()),
        next_run: linked.and_then(Linked::next),
        last_success: success.and_then(|run| run.ended_at),
        region: tenant.as_ref().and_then(|tenant| tenant.region.clone()),
        id: tenant.map(|tenant| tenant.id),
        hosts,
        users,
    })
}

/// Reports the state of a tenant, with what the store knows about it, if anything.
fn standing(pause: Option<Pause>, read: Option<&Tenant>, last: Option<Run>) -> Standing {
    if let Some(pause) = pause {
        return Standing::Paused(pause);
    }
    let failure = last.and_then(|run| failure(run.outcome));
    match (read, failure) {
        (None, why) => Standing::NeverReached { why },
        (Some(_), Some(why)) => Standing::Failing { why },
        (Some(_), None) => Standing::Active,
    }
}

/// Returns the result of a run that failed.
fn failure(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed { code, message } => Some(format!("{message} [{code}]")),
        Outcome::Running
        | Outcome::Succeeded
        | Outcome::Degraded
        | Outcome::Held
        | Outcome::Incomplete { .. }
        | Outcome::Interrupted => None,
    }
}
