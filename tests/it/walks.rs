//! Pages are read while records are created, changed, renamed and deleted between any two of them:
//! whatever was there all along is listed once. `QLIK_ROSTER_SEED=n` repeats one order.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use qlik_roster::demo::tenant::{Edit, GroupEdit, NewUser, RateLimits, RoleEdit, TenantOptions};
use qlik_roster::model::{GroupId, RoleId};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Running, World};
use crate::unified::{get, token};

/// Orders of changes that an ordinary run tries.
const SEEDS: u64 = 3;

/// The same with `QLIK_ROSTER_LONG`.
const MANY_SEEDS: u64 = 60;

/// What is created, so that names are never used twice.
struct Changing<'a> {
    world: &'a World,
    running: &'a Running,
    token: String,
    rng: Rng,
    n_named: u32,
}

impl Changing<'_> {
    fn name(&mut self) -> String {
        self.n_named += 1;
        format!("Named {}", self.n_named)
    }

    /// Changes up to five things, and reads the tenant again.
    async fn change(&mut self) {
        for _ in 0..self.rng.usize(..5) {
            let name = self.name();
            let directory = self.world.tenant.directory();
            match self.rng.u8(..9) {
                0 => drop(directory.create_user(NewUser::named(&name)).unwrap()),
                1 | 2 => {
                    let ours = self.world.tenant.credential_users();
                    let gone = directory.pick_user(&mut self.rng, |user| !ours.contains(&user.id));
                    directory.delete_user(&gone.unwrap().id).unwrap();
                }
                3 => {
                    let renamed = directory.pick_user(&mut self.rng, |_| true).unwrap();
                    directory
                        .update_user(&renamed.id, Edit::Name(name))
                        .unwrap();
                }
                4 => drop(directory.create_role(&name)),
                5 => drop(directory.create_group(&name)),
                6 => {
                    if let Some(role) = self.custom_role() {
                        match self.rng.bool() {
                            true => directory.delete_role(&role).unwrap(),
                            false => directory.update_role(&role, RoleEdit::Name(name)).unwrap(),
                        }
                    }
                }
                7 => {
                    let groups = directory.groups();
                    if let Some(group) = self.rng.choice(&groups) {
                        let edit = GroupEdit::Name(name);
                        drop(directory.update_group(&group.id, edit));
                    }
                }
                _ => {
                    let (user, group) = (
                        directory.pick_user(&mut self.rng, |_| true).unwrap(),
                        self.rng.choice(directory.groups()).unwrap(),
                    );
                    let edit = match self.rng.bool() {
                        true => Edit::JoinGroup(group.id),
                        false => Edit::LeaveGroup(group.id),
                    };
                    drop(directory.update_user(&user.id, edit));
                }
            }
        }
        self.running.sync().await;
    }

    fn custom_role(&mut self) -> Option<RoleId> {
        let roles = self.world.tenant.directory().roles();
        let custom = roles.into_iter().filter(|role| role.origin == "custom");
        self.rng
            .choice(custom.collect::<Vec<_>>())
            .map(|role| role.id)
    }

    async fn page(&self, path: &str, next: &str) -> Value {
        let join = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{join}{next}");
        let page = get(self.running, &self.token, "acme", &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        page.body
    }

    /// Returns what a list has at this moment.
    async fn now(&self, path: &str) -> BTreeSet<Row> {
        let mut rows = BTreeSet::new();
        let mut next = String::new();
        loop {
            let page = self.page(path, &format!("page_size=500&next={next}")).await;
            rows.extend(rows_of(&page));
            match page["next"].as_str() {
                Some(cursor) => cursor.clone_into(&mut next),
                None => return rows,
            }
        }
    }

    /// Reads all pages of a list, of any sizes, with changes between them. What was there at every
    /// moment must be listed once.
    async fn walk(&mut self, path: &str) {
        let mut all_along = self.now(path).await;
        let mut seen = BTreeMap::<Row, u32>::new();
        let mut next = String::new();
        loop {
            let size = self.rng.usize(1..25);
            let page = self
                .page(path, &format!("page_size={size}&next={next}"))
                .await;
            for row in rows_of(&page) {
                *seen.entry(row).or_default() += 1;
            }
            match page["next"].as_str() {
                Some(cursor) => cursor.clone_into(&mut next),
                None => break,
            }
            self.change().await;
            let now = self.now(path).await;
            all_along.retain(|row| now.contains(row));
        }
        assert!(!all_along.is_empty(), "{path}: nothing was there all along");
        let missed = all_along.iter().filter(|row| !seen.contains_key(*row));
        assert_eq!(missed.count(), 0, "{path}: something was missed");
        let twice: Vec<&Row> = seen
            .iter()
            .filter(|(_, n)| **n > 1)
            .map(|(row, _)| row)
            .collect();
        assert!(twice.is_empty(), "{path}: listed twice: {twice:?}");
    }
}

/// A record of a list, by its id, and when it was found deleted.
type Row = (String, Option<String>);

fn rows_of(page: &Value) -> Vec<Row> {
    let rows = page["data"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        let deleted = row.get("deleted_at").and_then(Value::as_str);
        let id = row["remote_id"].as_str().unwrap();
        (id.to_owned(), deleted.map(str::to_owned))
    });
    rows.collect()
}

/// Some group that has members.
fn group(world: &World) -> GroupId {
    let users = world.tenant.directory().users();
    let mut sizes = BTreeMap::<&GroupId, usize>::new();
    for group in users.iter().flat_map(|user| &user.groups) {
        *sizes.entry(group.0).or_default() += 1;
    }
    let largest = sizes.into_iter().max_by_key(|(_, n)| *n).unwrap();
    largest.0.clone()
}

async fn world() -> World {
    let world = World::with(TenantOptions {
        users: 90,
        groups: 30,
        custom_roles: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    world
}

fn seeds() -> std::ops::Range<u64> {
    let one = std::env::var("QLIK_ROSTER_SEED").ok();
    let one = one.map(|text| text.parse::<u64>().unwrap());
    let n_seeds = match std::env::var_os("QLIK_ROSTER_LONG") {
        Some(_) => MANY_SEEDS,
        None => SEEDS,
    };
    one.map_or(0..n_seeds, |seed| seed..seed + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_all_along_is_listed_once_whatever_changes_between_pages() {
    for seed in seeds() {
        println!("seed {seed}");
        let world = world().await;
        let running = world.start().await;
        let token = token(&world, &["--scope", "read"]).await;
        let mut changing = Changing {
            world: &world,
            running: &running,
            token,
            rng: Rng::with_seed(seed),
            n_named: 0,
        };
        let members = format!("/unified/iam/groups/{}/members", group(&world));
        let mut lists = vec![
            "/unified/iam/users".to_owned(),
            "/unified/iam/roles".to_owned(),
            "/unified/iam/groups?expand=roles".to_owned(),
            "/unified/iam/policies".to_owned(),
            "/unified/iam/users?deleted=true".to_owned(),
            "/unified/iam/users?filter[updated_after]=2000-01-01T00:00:00Z".to_owned(),
            members,
        ];
        changing.rng.shuffle(&mut lists);
        for list in lists {
            changing.walk(&list).await;
        }
        running.stop().await;
    }
}

/// Pages of events, read while events are added, are together what a single reading finds.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_events_miss_nothing_that_is_added_meanwhile() {
    for seed in seeds() {
        println!("seed {seed}");
        let world = world().await;
        let running = world.start().await;
        let token = token(&world, &["--scope", "admin"]).await;
        let mut changing = Changing {
            world: &world,
            running: &running,
            token,
            rng: Rng::with_seed(seed),
            n_named: 0,
        };
        for filter in ["", "&events=user.*", "&expand_lists=true"] {
            let oldest = format!("/events?from=oldest{filter}");
            let first = changing.page(&oldest, "limit=1").await;
            let mut seen = ids_of(&first);
            let mut next = first["next"].as_str().unwrap().to_owned();
            let mut n_left_to_change = 12;
            loop {
                let limit = changing.rng.usize(1..40);
                let path = format!("/events?after={next}{filter}");
                let page = changing.page(&path, &format!("limit={limit}")).await;
                seen.extend(ids_of(&page));
                page["next"].as_str().unwrap().clone_into(&mut next);
                match (page["has_more"].as_bool(), n_left_to_change) {
                    (Some(false), 0) => break,
                    (_, 0) => {}
                    (_, left) => {
                        n_left_to_change = left - 1;
                        changing.change().await;
                    }
                }
            }
            let mut expected = Vec::new();
            let mut path = oldest;
            loop {
                let page = changing.page(&path, "limit=500").await;
                expected.extend(ids_of(&page));
                path = format!("/events?after={}{filter}", page["next"].as_str().unwrap());
                if page["has_more"] == false {
                    break;
                }
            }
            assert_eq!(seen, expected, "{filter}");
        }
        running.stop().await;
    }
}

fn ids_of(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap().iter();
    let ids = rows.map(|row| row["id"].as_str().unwrap().to_owned());
    ids.collect()
}
