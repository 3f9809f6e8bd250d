//! The rows of runs: one for each run, and one with the totals of each tenant.

use std::collections::BinaryHeap;

use crate::model::{Run, RunId, TenantName};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::read_run as read;
use crate::store::layout::{codec, v2};
use crate::store::values::runs::RunTotals;

/// Reads the last number that was given to a run.
pub fn last_run(db: &sled::Db) -> Result<RunId, StoreError> {
    let key = keys::last_run();
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v2::LastRun>(&key, &value)?.0),
        None => Ok(RunId(0)),
    }
}

/// Reads how many runs a tenant has, and which was its last whole sweep.
pub fn tally(db: &sled::Db, tenant: &TenantName) -> Result<RunTotals, StoreError> {
    let key = keys::tally(tenant);
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v2::Tally>(&key, &value)?.into()),
        None => Ok(RunTotals::default()),
    }
}

/// Returns the names of tenants that have runs, in order.
pub fn names(db: &sled::Db) -> impl Iterator<Item = Result<TenantName, StoreError>> + use<> {
    scan::prefix(db, &[Keyspace::Tally as u8]).map(|row| {
        let (key, _) = row?;
        keys::tenant_of_tally(&key).ok_or_else(|| codec::flawed(&key, "of no tenant"))
    })
}

/// Reads the runs of a tenant, the oldest first; iterate from the back for the newest first.
pub fn all(
    db: &sled::Db,
    tenant: &TenantName,
) -> impl DoubleEndedIterator<Item = Result<Run, StoreError>> + use<> {
    scan::prefix(db, &keys::runs(tenant)).map(|row| row.and_then(|(key, value)| read(&key, &value)))
}

/// Reads the runs of a tenant backwards, starting before a given one.
pub fn newest_before(
    db: &sled::Db,
    tenant: &TenantName,
    before: Option<RunId>,
) -> impl Iterator<Item = Result<Run, StoreError>> + use<> {
    let end = keys::run(tenant, before.unwrap_or(RunId(u64::MAX)));
    scan::before(db, keys::runs(tenant), end)
        .map(|row| row.and_then(|(key, value)| read(&key, &value)))
}

pub fn find(db: &sled::Db, tenant: &TenantName, id: RunId) -> Result<Option<Run>, StoreError> {
    let key = keys::run(tenant, id);
    scan::get(db, &key)?
        .map(|value| read(&key, &value))
        .transpose()
}

/// Merges the runs of all tenants, each in order, and reads no further than requested.
pub fn newest_of_all(
    db: &sled::Db,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<Run>, StoreError> {
    let mut tenants = Vec::new();
    let mut next = BinaryHeap::new();
    for name in names(db) {
        let mut runs = newest_before(db, &name?, before);
        if let Some(run) = runs.next().transpose()? {
            next.push((run.id, tenants.len()));
            tenants.push((run, runs));
        }
    }
    let mut merged = Vec::new();
    while merged.len() < limit
        && let Some((_, place)) = next.pop()
        && let Some((run, runs)) = tenants.get_mut(place)
    {
        match runs.next().transpose()? {
            Some(older) => {
                next.push((older.id, place));
                merged.push(std::mem::replace(run, older));
            }
            None => merged.push(run.clone()),
        }
    }
    Ok(merged)
}
