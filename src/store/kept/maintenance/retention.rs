//! Decides what the store no longer needs to keep: which entries, attempts and runs.
//!
//! Entries younger than the keep time stay in any case: replays may rely on that. Older ones stay
//! until every endpoint that is configured and not disabled has settled them. A disabled endpoint
//! keeps nothing back, or a dead receiver would fill the disk; rows name the entries of deliveries
//! that were given up or wait for an attempt, so these entries are kept.

use std::ops::Bound;
use std::time::Duration;

use crate::lock::lock;
use crate::model::{EndpointName, KeptFor, Outcome, Seq, TenantName, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::read_cursor;
use crate::store::layout::{codec, v1};
use crate::store::values::delivery::{Cursor, Order};

/// How long attempts are kept.
const KEEP_ATTEMPTS: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The minimum time for which entries and runs are kept.
    pub keep: Duration,
    /// The most runs to keep for each tenant.
    pub keep_runs: usize,
}

/// How far the journal may be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The last entry that may be deleted.
    pub upto: Seq,
    /// Why entries past their keep time must stay; `None` if none must.
    pub kept_for: Option<KeptFor>,
}

impl Retention {
    /// Returns the beginning of the period that is kept.
    pub(in crate::store) fn since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.keep)
    }
}

/// Returns the beginning of the period for which attempts are kept.
pub fn attempts_since(now: Timestamp) -> Timestamp {
    now.minus(KEEP_ATTEMPTS)
}

impl Store {
    /// Returns how far the journal may be cut, given these endpoints.
    pub(in crate::store) fn limit(
        &self,
        retention: &Retention,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<Limit, StoreError> {
        let last = self.last_seq();
        self.engine
            .read("finding how far the journal may be cut", |reader| {
                let past = reader.last_entry_before(last, retention.since(now))?;
                let mut kept_for: Option<(Seq, &EndpointName)> = None;
                for name in endpoints {
                    let key = keys::cursor(name);
                    let mut cursor: Cursor = match reader.get(&key)? {
                        Some(value) => read_cursor(&key, &value)?,
                        // An endpoint without a cursor starts after the journal's end.
                        None => Cursor {
                            settled: last,
                            ..Cursor::default()
                        },
                    };
                    // Orders that are still pending count as carried out.
                    for row in reader.prefix(&keys::of_endpoint(Keyspace::Order, name)) {
                        let (key, value) = row?;
                        let order: Order = codec::read_row::<v1::Order>(&key, &value)?.into();
                        cursor.apply(&order);
                    }
                    // A list that is being sent user by user is still needed.
                    let settled = cursor.needs_after();
                    let furthest = kept_for.as_ref().map_or(past, |(settled, _)| *settled);
                    if cursor.disabled.is_none() && settled < furthest {
                        kept_for = Some((settled, name));
                    }
                }
                let Some((settled, name)) = kept_for else {
                    return Ok(Limit {
                        upto: past,
                        kept_for: None,
                    });
                };
                let kept_for = reader.first_entry_after(settled)?.map(|next| KeptFor {
                    endpoint: name.clone(),
                    settled,
                    since: next.at,
                });
                Ok(Limit {
                    upto: settled,
                    kept_for,
                })
            })
    }

    /// Removes the oldest runs of a tenant that may be deleted, up to a number. Returns how many
    /// were deleted.
    ///
    /// The last whole sweep stays and, as far as the limit allows, all runs since: removals are
    /// weighed against all of them, and they tell whether a failure is new. This reads only the
    /// runs to delete, and the oldest ones that stay.
    pub(in crate::store) fn delete_old_runs(
        &self,
        tenant: &TenantName,
        retention: &Retention,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let since = retention.since(now);
        let _alone = lock(&self.guards.numbering);
        let to_delete = self.engine.read("reading runs", |reader| {
            let tally = reader.tally(tenant)?;
            let keep = u64::try_from(retention.keep_runs).unwrap_or(u64::MAX);
            let mut too_many = tally.count.saturating_sub(keep);
            let mut to_delete = Vec::new();
            for run in reader.runs(tenant) {
                let run = run?;
                let is_one_too_many = too_many > 0;
                too_many = too_many.saturating_sub(1);
                if tally.last_sweep == Some(run.id) || run.outcome == Outcome::Running {
                    continue;
                }
                let is_past = tally.last_sweep > Some(run.id) && run.started_at < since;
                if to_delete.len() == limit || !(is_one_too_many || is_past) {
                    break;
                }
                to_delete.push(run.id);
            }
            Ok(to_delete)
        })?;
        if !to_delete.is_empty() {
            self.remove_runs(tenant, &to_delete)?;
        }
        Ok(to_delete.len())
    }

    /// Returns the next tenant that has runs, in the order of names.
    pub(in crate::store) fn tenant_with_runs(
        &self,
        after: Option<&TenantName>,
    ) -> Result<Option<TenantName>, StoreError> {
        let from = match after {
            Some(name) => Bound::Excluded(keys::tally(name)),
            None => Bound::Included(vec![Keyspace::Tally as u8]),
        };
        self.engine.read("reading runs", |reader| {
            let row = reader.after(&[Keyspace::Tally as u8], from).next();
            Ok(row
                .transpose()?
                .and_then(|(key, _)| keys::tenant_of_tally(&key)))
        })
    }
}
