//! Counts what the store has now, for the metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Control;
use crate::model::{EndpointName, Kind, TenantName, Timestamp};
use crate::store::{Item, Store, StoreError};

/// What the store has now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// What is known of each tenant that should be read and was read in full.
    pub tenants: BTreeMap<TenantName, TenantGauges>,
    /// What each configured endpoint has not got.
    pub endpoints: BTreeMap<EndpointName, EndpointGauges>,
}

/// What is known of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantGauges {
    /// How many records of each kind there are.
    pub records: BTreeMap<Kind, u64>,
    /// How many plans wait for an operator.
    pub held_plans: u64,
}

/// What an endpoint has not got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointGauges {
    /// How long ago the oldest event was found that still has to be delivered; zero if there is
    /// none.
    pub oldest: Duration,
    /// How many of its events are parked.
    pub parked: u64,
}

impl Control {
    /// Counts what the store has now.
    pub async fn gauges(&self) -> Result<Gauges, StoreError> {
        let (names, now) = (self.context.endpoints.names(), self.context.clock.now());
        let tenants = self.present();
        self.store
            .offload(move |store| Gauges::of(store, &tenants, &names, now))
            .await
    }
}

impl Gauges {
    fn of(
        store: &Store,
        tenants: &BTreeSet<TenantName>,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut gauges = Self::default();
        for known in store.tenants()? {
            if known.loaded.is_none() || !tenants.contains(&known.name) {
                continue;
            }
            let mut tenant = TenantGauges::default();
            for kind in Kind::ALL {
                let count = store.census(known.no, kind)?.count;
                tenant.records.insert(kind, count);
            }
            tenant.held_plans = u64::from(store.open_plan(known.no)?.is_some());
            gauges.tenants.insert(known.name, tenant);
        }
        for name in endpoints {
            let oldest = oldest(store, name)?;
            let endpoint = EndpointGauges {
                oldest: oldest.map_or(Duration::ZERO, |found| now.since(found)),
                parked: store.count_parked(name)?,
            };
            gauges.endpoints.insert(name.clone(), endpoint);
        }
        Ok(gauges)
    }
}

/// Returns when the oldest event was found that an endpoint has not got: one that waits for another
/// attempt, or the first after its cursor.
fn oldest(store: &Store, name: &EndpointName) -> Result<Option<Timestamp>, StoreError> {
    let failed = match store.first_deferred(name)? {
        Some(Item::Entry(seq) | Item::Member { entry: seq, .. }) => {
            store.entry(seq)?.map(|entry| entry.at)
        }
        Some(Item::Snapshot { at, .. }) => Some(at),
        None => None,
    };
    let unsettled = match store.cursor(name)? {
        Some(cursor) => store.entries(cursor.settled, 1)?.pop(),
        None => None,
    };
    let unsettled = unsettled.map(|entry| entry.at);
    Ok(failed.into_iter().chain(unsettled).min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Coded;
    use crate::model::{
        Change, Fingerprint, Id, Record, Role, RoleId, RoleType, RunId, Seq, Tenant, TenantId,
    };
    use crate::store::{Closing, Commit, Cursor, Progress, Write};

    fn commit(store: &Store, at: Timestamp, writes: Vec<Write>, closing: Closing) {
        let tenant = Tenant {
            id: TenantId("tenant-1".into()),
            name: "Acme".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let known = store
            .adopt(&tenant, &TenantName("acme".into()), at)
            .unwrap();
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: known.tenant.account(),
            writes,
            closing,
        };
        store.commit(commit).unwrap();
    }

    fn created(n: u32) -> Write {
        let id = RoleId(Id::parse(&format!("{n:024x}")).unwrap());
        let after = Record::Role(Role::new(
            id,
            format!("Role {n}"),
            Coded::new(RoleType::Admin, "admin"),
        ));
        Write::Change {
            change: Change::Created {
                after,
                replaces: None,
            },
            fingerprint: Fingerprint([1; 16]),
            raw: "{}".into(),
            reported: None,
        }
    }

    #[test]
    fn the_oldest_event_that_was_not_delivered_counts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let at = |minutes: u64| {
            let start = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
            start.plus(Duration::from_secs(60 * minutes))
        };
        let name = EndpointName("hr".into());
        let acme = [TenantName("acme".into())].into();
        let gauges = || Gauges::of(&store, &acme, std::slice::from_ref(&name), at(10)).unwrap();
        let loaded = Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        };
        commit(&store, at(0), vec![created(1)], Closing::Nothing);
        assert_eq!(gauges().tenants, BTreeMap::new(), "it was not read in full");
        commit(&store, at(0), Vec::new(), loaded);
        commit(&store, at(4), vec![created(2)], Closing::Nothing);
        commit(&store, at(7), vec![created(3)], Closing::Nothing);
        let settle = |seq| {
            let mut log = store.attempt_log(&name).unwrap();
            let progress = Progress::of(Cursor {
                settled: Seq(seq),
                ..Cursor::default()
            });
            store.save_progress(&name, &mut log, progress).unwrap();
        };

        let oldest = || gauges().endpoints[&name].oldest;
        assert_eq!(
            oldest(),
            Duration::ZERO,
            "it starts after the journal's end"
        );
        settle(2);
        assert_eq!(oldest(), Duration::from_secs(6 * 60));
        settle(3);
        assert_eq!(oldest(), Duration::from_secs(3 * 60));
        settle(4);
        assert_eq!(oldest(), Duration::ZERO);
        let tenant = &gauges().tenants[&TenantName("acme".into())];
        assert_eq!(tenant.records[&Kind::Role], 3);
        assert_eq!((tenant.records[&Kind::User], tenant.held_plans), (0, 0));
        // What is kept of a tenant that left the configuration is not counted.
        let none = Gauges::of(&store, &BTreeSet::new(), &[], at(10)).unwrap();
        assert_eq!(none, Gauges::default());
    }
}
