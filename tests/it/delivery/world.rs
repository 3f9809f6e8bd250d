//! A tenant, and what happens to its users.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::model::{
    Change, Fingerprint, Id, Record, RunId, Tenant, TenantId, TenantName, Timestamp, User, UserId,
};
use qlik_roster::store::{Closing, Commit, Known, Store, Write};

/// The people who change. They are few, so that several events concern the same record.
const PEOPLE: u32 = 5;

/// The tenant, and what happens to its people.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub known: Known,
    people: BTreeMap<u32, Record>,
    random: fastrand::Rng,
}

impl World {
    /// A tenant that is loaded, and to which something has happened.
    pub fn new(folder: &Path, seed: u64) -> Self {
        let store = Store::open(folder).unwrap().store;
        let start = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
        let name = TenantName("acme".into());
        let mut world = Self {
            known: store.adopt(&tenant(), &name, start).unwrap(),
            people: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
            store,
            clock: Clock::stopped_at(start),
        };
        world.happen(8);
        let closing = Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        };
        world.commit(Vec::new(), closing);
        world
    }

    pub fn happen(&mut self, n: usize) {
        let changes: Vec<_> = (0..n).map(|_| self.change()).collect();
        for chunk in changes.chunks(40) {
            let writes = chunk.iter().map(|change| Write::Change {
                fingerprint: Fingerprint([7; 16]),
                raw: "{}".into(),
                change: change.clone(),
                reported: None,
            });
            self.commit(writes.collect(), Closing::Nothing);
        }
    }

    fn commit(&self, writes: Vec<Write>, closing: Closing) {
        let commit = Commit {
            tenant: self.known.no,
            run: RunId(1),
            at: self.clock.now(),
            account: self.known.tenant.account(),
            writes,
            closing,
        };
        self.store.commit(commit).unwrap();
    }

    fn change(&mut self) -> Change {
        let number = self.random.u32(1..=PEOPLE);
        let name = format!("Name {}", self.random.u32(..));
        match self.people.remove(&number) {
            None => {
                let after = user(number, &name);
                self.people.insert(number, after.clone());
                Change::Created {
                    after,
                    replaces: None,
                }
            }
            Some(before) if self.random.u8(..4) == 0 => Change::Deleted { before },
            Some(before) => {
                let after = user(number, &name);
                self.people.insert(number, after.clone());
                Change::Updated { before, after }
            }
        }
    }

    pub fn pass(&self, seconds: u64) {
        let now = self.clock.now();
        self.clock.set(now.plus(Duration::from_secs(seconds)));
    }
}

fn tenant() -> Tenant {
    Tenant {
        id: TenantId("tenant-1".into()),
        name: "Acme".into(),
        hosts: vec!["acme.eu.qlikcloud.com".into()],
        region: None,
        status: None,
    }
}

fn user(number: u32, name: &str) -> Record {
    Record::User(User {
        name: Some(name.to_owned()),
        ..User::new(
            UserId(Id::parse(&format!("{number:024x}")).unwrap()),
            format!("idp|{number}"),
        )
    })
}
