//! Cursors, while records come, change and go between two pages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::{Clock, LastClockJump};
use crate::control::Endpoints;
use crate::model::scim::ResourceType;
use crate::model::{
    Change, Fingerprint, Id, Record, RunId, Tenant, TenantId, Timestamp, User, UserId,
};
use crate::store::{Closing, Commit, Retention, Store, Write};
use crate::sync::TenantRegistry;

/// What happens to a user of one of two tenants.
#[derive(Debug, Clone, Copy)]
enum Step {
    Created,
    Renamed,
    Deleted,
}

type Name = (u8, u32);

fn steps() -> impl Strategy<Value = Vec<(Name, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Created),
        1 => Just(Step::Renamed),
        2 => Just(Step::Deleted),
    ];
    proptest::collection::vec(((0..2_u8, 0..12_u32), step), 0..30)
}

struct Bench {
    store: Store,
    control: Control,
    users: BTreeMap<Name, User>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let clock = Clock::system();
        let retention = Retention {
            keep: Duration::from_secs(3_600),
            keep_runs: 1,
        };
        let control = Control::new(
            store.clone(),
            clock.clone(),
            TenantRegistry::default(),
            Endpoints::default(),
            retention,
            Vec::new(),
            LastClockJump::of(clock),
        );
        let bench = Self {
            store,
            control,
            users: BTreeMap::new(),
            _folder: folder,
        };
        for tenant in 0..2 {
            let loaded = Closing::Loaded {
                roles: 0,
                groups: 0,
                users: 0,
            };
            bench.commit(tenant, Vec::new(), loaded);
        }
        bench
    }

    fn commit(&self, tenant: u8, writes: Vec<Write>, closing: Closing) {
        let tenant = Tenant {
            id: TenantId(format!("tenant-{tenant}")),
            name: format!("Tenant {tenant}"),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName(tenant.id.0.clone());
        let at = Timestamp::from_millis(1_000);
        let known = self.store.adopt(&tenant, &name, at).unwrap();
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: known.tenant.account(),
            writes,
            closing,
        };
        self.store.commit(commit).unwrap();
    }

    /// Does a step if it is possible.
    fn take(&mut self, name: Name, step: Step) {
        let (tenant, n) = name;
        let before = self.users.get(&name).cloned();
        let after = match (step, &before) {
            (Step::Created, None) => {
                let id = UserId(Id::parse(&format!("{n:024x}")).unwrap());
                // Neither in the order of ids nor of names.
                let mut user = User::new(id, format!("s{}-{n}", n * 7 % 5));
                user.name = Some("First".to_owned());
                Some(user)
            }
            (Step::Renamed, Some(user)) => {
                let mut user = user.clone();
                user.name = Some(format!("{} again", user.label()));
                Some(user)
            }
            (Step::Deleted, Some(_)) => None,
            (Step::Created, Some(_)) | (Step::Renamed | Step::Deleted, None) => return,
        };
        let record = |user: &User| Record::User(user.clone());
        let change = match (&before, &after) {
            (None, Some(after)) => Change::Created {
                after: record(after),
                replaces: None,
            },
            (Some(before), Some(after)) => Change::Updated {
                before: record(before),
                after: record(after),
            },
            (Some(before), None) => Change::Deleted {
                before: record(before),
            },
            (None, None) => return,
        };
        let write = Write::Change {
            change,
            fingerprint: Fingerprint([1; 16]),
            raw: "{}".into(),
            reported: None,
        };
        self.commit(tenant, vec![write], Closing::Nothing);
        match after {
            Some(user) => self.users.insert(name, user),
            None => self.users.remove(&name),
        };
    }

    fn ids(&self) -> BTreeSet<String> {
        let names = self.users.iter();
        let ids = names.map(|((tenant, _), user)| format!("{}~tenant-{tenant}", user.id));
        ids.collect()
    }

    /// Reads a page. Returns its ids, and the next cursor.
    async fn page(&self, types: &[ResourceType], query: &str) -> (Vec<String>, Option<String>) {
        let params = Params::of_query(Some(query)).unwrap();
        let listing = Listing {
            control: &self.control,
            scope: query::ScimScope {
                tenants: query::AskedTenants {
                    called: None,
                    covered: None,
                },
                types: types.to_vec(),
                base: "/scim/v2".to_owned(),
                filter: params.filter.clone(),
                wanted: params.wanted.clone(),
            },
            params,
        };
        let response = listing.page().await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let page: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
        let resources = page["Resources"].as_array().unwrap().iter();
        let ids = resources.map(|it| it["id"].as_str().unwrap().to_owned());
        let next = page["nextCursor"].as_str().map(str::to_owned);
        (ids.collect(), next)
    }
}

/// How a list is asked for.
const QUERIES: [&str; 5] = [
    "",
    "&filter=userName%20pr",
    "&sortBy=externalId",
    "&sortBy=externalId&sortOrder=descending",
    "&sortBy=title&filter=externalId%20sw%20%22s%22",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_there_all_along_is_listed_once_whatever_happens_between_pages(
        before in steps(),
        between in steps(),
        count in 1..5_usize,
        at_once in 1..5_usize,
        asked in 0..QUERIES.len(),
        is_of_all_types in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut bench = Bench::new();
        for (name, step) in before {
            bench.take(name, step);
        }
        let types = match is_of_all_types {
            true => ResourceType::ALL.to_vec(),
            false => vec![ResourceType::User],
        };
        let mut all_along = bench.ids();
        let mut ever = bench.ids();
        let mut between = between.into_iter();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for n in 0.. {
            let query = format!("count={count}&cursor={cursor}{}", QUERIES[asked]);
            let (ids, next) = runtime.block_on(bench.page(&types, &query));
            prop_assert!(ids.len() <= count);
            seen.extend(ids);
            let Some(next) = next else { break };
            prop_assert!(n < 1_000, "pages end");
            cursor = next;
            for (name, step) in between.by_ref().take(at_once) {
                bench.take(name, step);
                let there = bench.ids();
                all_along.retain(|id| there.contains(id));
                ever.extend(there);
            }
        }

        let once: BTreeSet<String> = seen.iter().cloned().collect();
        prop_assert_eq!(once.len(), seen.len(), "nothing is listed twice: {:?}", seen);
        prop_assert!(all_along.is_subset(&once), "{:?} misses some of {:?}", seen, all_along);
        prop_assert!(once.is_subset(&ever), "what is listed has existed");
    }
}
