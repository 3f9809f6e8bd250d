//! Endpoints that the store knows and the configuration does not: since when, and what of them
//! is deleted in the end.
//!
//! A name that is missing may be a mistake of an hour, so nothing goes at once. Since when it is
//! missing is noted by the first maintenance pass that finds it so, and forgotten by the first
//! that finds it configured again.

use std::collections::BTreeMap;

use crate::model::{EndpointName, Timestamp};
use crate::store::engine::rows::endpoints::{OF_ENDPOINTS, known};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{codec, v1};

/// Endpoints that are not configured, and since when that is known.
pub type OrphanedEndpoints = BTreeMap<EndpointName, Timestamp>;

impl Store {
    /// Returns the endpoints that are known and not among these. Notes those that are new, and
    /// forgets those that are configured again.
    pub(in crate::store) fn find_orphaned_endpoints(
        &self,
        configured: &[EndpointName],
        now: Timestamp,
    ) -> Result<OrphanedEndpoints, StoreError> {
        let (noted, known) =
            self.engine
                .read("looking for endpoints that are not configured", |db| {
                    let key = keys::orphaned_endpoints();
                    let noted: OrphanedEndpoints = match scan::get(db, &key)? {
                        Some(value) => codec::read_row::<v1::OrphanedEndpoints>(&key, &value)?.0,
                        None => OrphanedEndpoints::new(),
                    };
                    Ok((noted, known(db)?))
                })?;
        let orphaned = known.into_iter().filter(|name| !configured.contains(name));
        let orphaned: OrphanedEndpoints = orphaned
            .map(|name| {
                // A clock that was ahead must not keep it for longer.
                let since = noted.get(&name).map_or(now, |since| now.min(*since));
                (name, since)
            })
            .collect();
        if orphaned != noted {
            self.engine.write(vec![note(&orphaned)])?;
        }
        Ok(orphaned)
    }

    /// Deletes some rows of one of them, its cursor last. Returns whether that was all.
    pub(in crate::store) fn delete_orphaned_endpoint(
        &self,
        mut orphaned: OrphanedEndpoints,
        name: &EndpointName,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let mut rows = self.engine.read("reading an endpoint's rows", |db| {
            let mut rows: Vec<(Key, Option<Vec<u8>>)> = Vec::new();
            for keyspace in OF_ENDPOINTS {
                for row in scan::prefix(db, &keys::of_endpoint(keyspace, name)) {
                    if rows.len() == limit {
                        return Ok(rows);
                    }
                    rows.push((row?.0.to_vec(), None));
                }
            }
            Ok(rows)
        })?;
        let is_all = rows.len() < limit;
        if is_all {
            orphaned.remove(name);
            rows.extend([(keys::cursor(name), None), note(&orphaned)]);
        }
        self.engine.write(rows)?;
        Ok(is_all)
    }
}

fn note(orphaned: &OrphanedEndpoints) -> (Key, Option<Vec<u8>>) {
    match orphaned.is_empty() {
        true => (keys::orphaned_endpoints(), None),
        false => codec::put(
            keys::orphaned_endpoints(),
            &v1::OrphanedEndpoints(orphaned.clone()),
        ),
    }
}
