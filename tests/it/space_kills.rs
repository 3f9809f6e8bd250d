//! The daemon is killed again and again while it reads spaces: all of them, for the first time and
//! later, and those that the audit log names.

use std::collections::BTreeMap;
use std::time::Duration;

use qlik_roster::demo::tenant::{
    Assignee, Directory, Endpoint, Fault, NewSpace, RateLimits, SpaceEdit, SpacePart, SpaceSort,
    TenantOptions, When,
};
use qlik_roster::model::{
    Fact, Right, RightHolders, Seq, ShownPath, Space, SpaceChange, SpaceId, UserId, Verb,
};
use qlik_roster::store::{SpaceReading, Store};

use crate::support::{World, within};

const N_SPACES: usize = 24;

/// How often the daemon is killed while it reads spaces that the audit log names; ten times as
/// often with `QLIK_ROSTER_LONG`.
const N_NAMED: usize = 8;

/// More kills than one complete reading takes. One start in a hundred gets no further than the
/// listing.
const MAX_KILLS: usize = 200;

/// How many spaces are read at one time.
const AT_ONCE: u64 = 4;

/// The most requests for spaces before a kill. The first nine may all be under way at one time.
const MAX_REQUESTS: u64 = 17;

const DAY: Duration = Duration::from_secs(25 * 3_600);

const OF_SPACES: [Endpoint; 4] = [
    Endpoint::Spaces,
    Endpoint::Space,
    Endpoint::Assignments,
    Endpoint::Shares,
];

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_spaces_are_read_lose_nothing_and_report_nothing_twice() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let world = World::with(TenantOptions {
        users: 30,
        groups: 6,
        spaces: N_SPACES,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let tenant = world.tenant.directory();
    let mut dice = fastrand::Rng::with_seed(11);
    let slow = Fault::Slow(Duration::from_millis(20));
    world
        .tenant
        .faults()
        .on(Endpoint::Shares, slow, When::Always);

    read_calmly(&world).await;
    let n_first = read_among_kills(&world, &mut dice).await;
    let first = rows_of(&world, "store");
    assert_same(&first, &rows_of(&world, "calm"));
    assert_eq!(changes_of(&world, "store", Seq::START), []);

    for _ in 0..40 {
        change(tenant, &mut dice);
    }
    tenant.delete_space(&tenant.spaces()[3].id).unwrap();
    age(&world, "calm");
    age(&world, "store");
    read_calmly(&world).await;
    let n_again = read_among_kills(&world, &mut dice).await;
    let again = rows_of(&world, "store");
    assert_same(&again, &rows_of(&world, "calm"));
    let mut told = changes_of(&world, "store", Seq::START);
    let mut expected = changes_of(&world, "calm", Seq::START);
    told.sort_by(|a, b| a.id.cmp(&b.id));
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(expected.len() > 10, "little has changed");
    assert_eq!(told, expected);
    let rights = rights_of(&world, "calm");
    assert!(rights.len() > 10, "few rights have changed");
    assert_eq!(rights_of(&world, "store"), rights);

    let last = last_of(&world, "store");
    let n_named = if long { 10 * N_NAMED } else { N_NAMED };
    write_config(&world, Kept::Store, "1s");
    for _ in 0..n_named {
        kill_while_named_are_read(&world, &mut dice).await;
    }
    println!("killed {n_first} times at first, {n_again} times later, {n_named} times by name");
    assert!(n_first > 5 && n_again > 5, "the kills missed their marks");
    // What is hidden stays as it was known, and the two did not look at the same time.
    for space in tenant.spaces() {
        let edit = SpaceEdit::Show(SpacePart::Shares);
        tenant.update_space(&space.id, edit).unwrap();
    }
    age(&world, "calm");
    age(&world, "store");
    read_calmly(&world).await;
    write_config(&world, Kept::Store, "off");
    let running = world.start().await;
    within("all are read", || async {
        is_read(&reading_of(running.store()))
    })
    .await;
    running.settled().await;
    running.stop().await;
    assert_same(&rows_of(&world, "store"), &rows_of(&world, "calm"));
    let named = changes_of(&world, "store", last);
    assert!(!named.is_empty(), "nothing was found by name");
    assert_same(&undone(&named, rows_of(&world, "store")), &again);
    assert_each_was_delivered(&world);
}

/// Which of the two stores a daemon uses.
#[derive(Debug, Clone, Copy)]
enum Kept {
    /// The store of the daemon that is killed.
    Store,
    /// The store of a daemon that is never killed.
    Calm,
}

fn write_config(world: &World, kept: Kept, poll: &str) {
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let config = config
        .replace("poll = \"off\"", &format!("poll = \"{poll}\""))
        .replace("\"group.*\"", "\"group.*\", \"space.*\", \"access.*\"");
    let config = format!("[access]\nspaces = true\n{config}");
    world.write_config(&match kept {
        Kept::Store => config,
        Kept::Calm => {
            let (store, calm) = (world.path("store"), world.path("calm"));
            let config = config.replace(&format!("{store:?}"), &format!("{calm:?}"));
            config.split("[[endpoints]]").next().unwrap().to_owned()
        }
    });
}

/// Reads all spaces into the other store, without kills.
async fn read_calmly(world: &World) {
    write_config(world, Kept::Calm, "off");
    read_to_the_end(world).await;
}

async fn read_to_the_end(world: &World) {
    let running = world.launch().await;
    within("all are read and compared", || async {
        let store = running.store();
        !store.tenants().unwrap().is_empty() && is_read(&reading_of(store)) && is_compared(store)
    })
    .await;
    running.stop().await;
}

/// Returns whether rights were compared after the last change of a space.
fn is_compared(store: &Store) -> bool {
    let no = store.tenants().unwrap().remove(0).no;
    let mark = store.rights_mark(no).unwrap();
    // There is no mark until rights differ for the first time.
    let reported = mark.map_or(Seq::START, |mark| mark.reported);
    let is_behind = mark.is_some_and(|mark| mark.under_way.is_some() || mark.in_spaces.is_some());
    let since = store.entries(reported, usize::MAX).unwrap();
    let mut facts = since.into_iter().map(|entry| entry.fact);
    !is_behind && !facts.any(|fact| matches!(fact, Fact::SpaceChanged(_)))
}

/// Reads all spaces, killed at random until that is done. Returns how many kills that took.
async fn read_among_kills(world: &World, dice: &mut fastrand::Rng) -> usize {
    write_config(world, Kept::Store, "off");
    for n_kills in 0..MAX_KILLS {
        let n_left = {
            let store = open(world, "store");
            let n_left = n_unread(&store, world.tenant.directory());
            store.close().unwrap();
            n_left
        };
        let Some(n_left) = n_left else {
            // The kill may have come before the rights were compared.
            read_to_the_end(world).await;
            return n_kills;
        };
        if n_left <= AT_ONCE && dice.u32(..3) == 0 {
            // A kill always comes before the work that follows the last request. So at the end, at
            // random, a start runs without one.
            read_to_the_end(world).await;
            return n_kills;
        }
        // One request for the list, then two for each space.
        let n = dice.u64(1..=(1 + 2 * n_left).min(MAX_REQUESTS));
        let target = requests(world) + n;
        let mut daemon = world.serve();
        within("it reads", || async { requests(world) >= target }).await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
    panic!("{MAX_KILLS} kills, and all spaces were not read once");
}

/// Changes a space, and kills the daemon while it reads the spaces that the audit log names.
async fn kill_while_named_are_read(world: &World, dice: &mut fastrand::Rng) {
    let audits = || world.tenant.requests().at(Endpoint::Audits);
    let before = audits();
    let mut daemon = world.serve();
    within("it polls", || async { audits() > before }).await;
    let target = requests(world) + dice.u64(1..MAX_REQUESTS);
    let mut polled = audits();
    within("it reads what was named", || {
        // Each poll gets new changes to read, until the daemon reaches the point where it is
        // killed.
        if audits() > polled {
            polled = audits();
            for _ in 0..6 {
                change(world.tenant.directory(), dice);
            }
        }
        let is_there = requests(world) >= target;
        async move { is_there }
    })
    .await;
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Counts the requests for spaces so far.
fn requests(world: &World) -> u64 {
    let requests = world.tenant.requests();
    OF_SPACES.iter().map(|it| requests.at(*it)).sum()
}

fn open(world: &World, name: &str) -> Store {
    let opened = Store::open(&world.path(name)).unwrap();
    assert_eq!(opened.moved_aside, None, "the store was damaged");
    opened.store
}

fn reading_of(store: &Store) -> SpaceReading {
    let known = store.tenants().unwrap().remove(0);
    store.space_reading(known.no).unwrap()
}

/// Returns whether all spaces were read within the last day.
fn is_read(reading: &SpaceReading) -> bool {
    let recently = qlik_roster::clock::Clock::system().now().minus(DAY / 2);
    reading.mark.began.is_none() && reading.mark.last.is_some_and(|last| last > recently)
}

/// Returns how many spaces are still to be read; `None` if all were.
fn n_unread(store: &Store, tenant: &Directory) -> Option<u64> {
    let n_all = tenant.spaces().len() as u64;
    let Some(known) = store.tenants().unwrap().into_iter().next() else {
        return Some(n_all);
    };
    let reading = store.space_reading(known.no).unwrap();
    if is_read(&reading) {
        return None;
    }
    if reading.mark.began.is_none() {
        return Some(n_all);
    }
    let rows = store.spaces(known.no, None, usize::MAX).unwrap();
    let read = rows
        .iter()
        .filter(|kept| kept.reading == reading.mark.number);
    Some(n_all.saturating_sub(read.count() as u64))
}

/// Makes all spaces due again, as if a day had passed.
pub fn age(world: &World, name: &str) {
    let store = open(world, name);
    let known = store.tenants().unwrap().remove(0);
    let mut reading = store.space_reading(known.no).unwrap();
    reading.mark.last = reading.mark.last.map(|last| last.minus(DAY));
    reading.mark.tried = reading.mark.tried.map(|tried| tried.minus(DAY));
    store.set_space_reading(known.no, reading).unwrap();
    store.close().unwrap();
}

fn rows_of(world: &World, name: &str) -> BTreeMap<SpaceId, Space> {
    let store = open(world, name);
    let known = store.tenants().unwrap().remove(0);
    let rows = store.spaces(known.no, None, usize::MAX).unwrap();
    let rows = rows.into_iter();
    let rows = rows
        .map(|kept| (kept.space.id.clone(), kept.space))
        .collect();
    store.close().unwrap();
    rows
}

/// Compares space by space: a failure message about all of them would be unreadable.
fn assert_same(left: &BTreeMap<SpaceId, Space>, right: &BTreeMap<SpaceId, Space>) {
    assert!(left.keys().eq(right.keys()), "not the same spaces");
    for (id, space) in left {
        assert_eq!(space, &right[id]);
    }
}

fn last_of(world: &World, name: &str) -> Seq {
    let store = open(world, name);
    let last = store.last_seq();
    store.close().unwrap();
    last
}

fn changes_of(world: &World, name: &str, after: Seq) -> Vec<SpaceChange> {
    let store = open(world, name);
    let entries = store.entries(after, usize::MAX).unwrap().into_iter();
    let changes = entries.filter_map(|entry| match entry.fact {
        Fact::SpaceChanged(change) => Some(change),
        _ => None,
    });
    let changes = changes.collect();
    store.close().unwrap();
    changes
}

/// A right and whom it concerns; `None` stands for all users.
type Held = (Option<UserId>, Right);

/// Replays what a store reports about rights in spaces. Returns the rights that changed, each with
/// the paths to it in the end.
fn rights_of(world: &World, name: &str) -> BTreeMap<Held, Vec<ShownPath>> {
    let store = open(world, name);
    let no = store.tenants().unwrap().remove(0).no;
    let mut rights: BTreeMap<Held, Vec<ShownPath>> = BTreeMap::new();
    for entry in store.entries(Seq::START, usize::MAX).unwrap() {
        let seq = entry.seq;
        let Fact::RightChanged(change) = entry.fact else {
            continue;
        };
        if change.right.space().is_none() {
            continue;
        }
        let users: Vec<Option<UserId>> = match &change.holders {
            RightHolders::One(holder) => vec![Some(holder.id.clone())],
            RightHolders::Everybody { .. } => vec![None],
            RightHolders::Listed { list, count } => {
                let mut users = Vec::new();
                while (users.len() as u64) < *count {
                    let more = store.listed(no, (seq, *list), users.len() as u64).unwrap();
                    assert!(!more.is_empty(), "a list is cut short");
                    users.extend(more.into_iter().map(|holder| Some(holder.id)));
                }
                users
            }
        };
        for user in users {
            // Rights are the same whatever the space was called when they were reported.
            let mut right = change.right.clone();
            if let Right::SpaceRole { space, .. } | Right::App { space, .. } = &mut right {
                space.name.clear();
            }
            let was = rights.insert((user, right), change.after.clone());
            if let Some(was) = was {
                assert_eq!(was, change.before, "{change:?}");
            }
        }
    }
    store.close().unwrap();
    rights
}

/// Undoes changes, the last first. Each must match the present state: otherwise a change is
/// missing, or was reported twice.
fn undone(changes: &[SpaceChange], mut rows: BTreeMap<SpaceId, Space>) -> BTreeMap<SpaceId, Space> {
    for change in changes.iter().rev() {
        let now = rows.remove(&change.id);
        match change.verb() {
            Verb::Deleted => assert_eq!(now, None, "{change:?}"),
            Verb::Created | Verb::Updated => {
                let head = now.as_ref().map(|space| &space.head);
                assert_eq!(head, change.after.as_ref(), "{change:?}");
            }
        }
        if let Some(before) = change.undo(now) {
            rows.insert(change.id.clone(), before);
        }
    }
    rows
}

/// Asserts that each change was delivered, whenever the daemon was killed, always with the same
/// body.
fn assert_each_was_delivered(world: &World) {
    let store = open(world, "store");
    let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
    let entries = entries.filter(|entry| {
        let is_of_right = matches!(
            entry.fact,
            Fact::RightChanged(_) | Fact::RoleContentChanged { .. }
        );
        is_of_right || matches!(entry.fact, Fact::SpaceChanged(_))
    });
    let told: Vec<u64> = entries.map(|entry| entry.seq.0).collect();
    store.close().unwrap();
    let mut came: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for delivery in world.receiver.deliveries() {
        assert!(delivery.verified, "a signature did not verify");
        let concerns = |kind: &str| {
            ["space.", "access.", "role.content"]
                .iter()
                .any(|prefix| kind.starts_with(prefix))
        };
        if delivery.body["type"].as_str().is_some_and(concerns) {
            let seq = delivery.body["sequence"].as_u64().unwrap();
            let raw = delivery.raw.to_vec();
            let first = came.entry(seq).or_insert_with(|| raw.clone());
            assert_eq!(*first, raw, "an event changed between attempts");
        }
    }
    assert_eq!(came.into_keys().collect::<Vec<_>>(), told);
}

/// Makes a random change in a space.
fn change(tenant: &Directory, dice: &mut fastrand::Rng) {
    let (users, groups, spaces) = (tenant.users(), tenant.groups(), tenant.spaces());
    let user = users[dice.usize(..users.len())].id.clone();
    let group = groups[dice.usize(..groups.len())].id.clone();
    let space = spaces[dice.usize(..spaces.len())].id.clone();
    let assignee = match dice.u32(..3) {
        0 => Assignee::Group(group),
        _ => Assignee::User(user.clone()),
    };
    match dice.u32(..12) {
        0..=4 => drop(tenant.assign(&space, assignee, &["consumer"])),
        // A list that loses its last member stays as it is until another complete reading confirms
        // that, and the two daemons do not read at the same times.
        5 if tenant.space(&space).unwrap().assignments.len() > 1 => {
            drop(tenant.unassign(&space, &assignee));
        }
        6 => drop(tenant.share(&space, "app-1", assignee, &["consumer"])),
        7 => drop(tenant.update_space(&space, SpaceEdit::Name(format!("Space {}", dice.u32(..))))),
        8 => drop(tenant.update_space(&space, SpaceEdit::Hide(SpacePart::Shares, 403))),
        9 => drop(tenant.update_space(&space, SpaceEdit::Show(SpacePart::Shares))),
        10 if spaces.len() > N_SPACES / 2 => drop(tenant.delete_space(&space)),
        _ => {
            tenant.create_space(NewSpace {
                name: "Newly made".into(),
                sort: SpaceSort::Shared,
                owner: user,
            });
        }
    }
}
