//! Endpoints that the store knows but the configuration does not: when they went missing, and how
//! their rows are deleted in the end.
//!
//! A missing name may be a mistake that lasts an hour, so nothing is deleted at once. The first
//! maintenance pass that misses an endpoint notes the time, and the first that finds it configured
//! again removes the note.

use std::collections::BTreeMap;

use crate::model::{EndpointName, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::row::Row;

/// Maps an endpoint that is not configured to the time we first noticed.
pub type OrphanedEndpoints = BTreeMap<EndpointName, Timestamp>;

impl Store {
    /// Returns the known endpoints that are not among the given ones. Notes those that are newly
    /// missing, and forgets those that are configured again.
    pub(in crate::store) fn find_orphaned_endpoints(
        &self,
        configured: &[EndpointName],
        now: Timestamp,
    ) -> Result<OrphanedEndpoints, StoreError> {
        let (noted, known) =
            self.engine
                .read("looking for endpoints that are not configured", |reader| {
                    let key = keys::orphaned_endpoints();
                    let noted: OrphanedEndpoints = match reader.get(&key)? {
                        Some(value) => codec::read_row::<v1::OrphanedEndpoints>(&key, &value)?.0,
                        None => OrphanedEndpoints::new(),
                    };
                    Ok((noted, reader.endpoints()?))
                })?;
        let orphaned = known.into_iter().filter(|name| !configured.contains(name));
        let orphaned: OrphanedEndpoints = orphaned
            .map(|name| {
                // A clock that was ahead must not make us keep the endpoint longer.
                let since = noted.get(&name).map_or(now, |since| now.min(*since));
                (name, since)
            })
            .collect();
        if orphaned != noted {
            self.engine.write(vec![note(&orphaned)])?;
        }
        Ok(orphaned)
    }

    /// Deletes some rows of one such endpoint, its cursor last. Returns whether all are deleted.
    pub(in crate::store) fn delete_orphaned_endpoint(
        &self,
        mut orphaned: OrphanedEndpoints,
        name: &EndpointName,
        limit: usize,
    ) -> Result<bool, StoreError> {
        let keys = self.engine.read("reading an endpoint's rows", |reader| {
            reader.rows_of_endpoint(name, limit)
        })?;
        let mut rows: Vec<Row> = keys.into_iter().map(|key| (key, None)).collect();
        let is_all = rows.len() < limit;
        if is_all {
            orphaned.remove(name);
            rows.extend([(keys::cursor(name), None), note(&orphaned)]);
        }
        self.engine.write(rows)?;
        Ok(is_all)
    }
}

fn note(orphaned: &OrphanedEndpoints) -> Row {
    match orphaned.is_empty() {
        true => (keys::orphaned_endpoints(), None),
        false => codec::put(
            keys::orphaned_endpoints(),
            &v1::OrphanedEndpoints(orphaned.clone()),
        ),
    }
}
