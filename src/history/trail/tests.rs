//! Checks that a trail that grows gives the same answers as one that is read at once, and as the
//! journal itself.

use std::collections::BTreeSet;

use super::*;
use crate::history::Picture;
use crate::model::{
    Change, Coded, Fingerprint, Group, GroupId, GroupType, Id, Kind, Tenant, TenantId, TenantName,
};
use crate::store::{Closing, Commit, Write};

const USERS: usize = 12;
const GROUPS: usize = 4;
const ROLES: usize = 3;

fn id(number: usize) -> Id {
    Id::parse(&format!("{number:024x}")).unwrap()
}

fn some<T: Ord>(most: usize, of: fn(Id) -> T, dice: &mut fastrand::Rng) -> BTreeMap<T, String> {
    let chosen = (0..most).filter(|_| dice.u8(0..3) == 0);
    chosen.map(|n| (of(id(n)), String::new())).collect()
}

/// Returns a random user or group; users with a low number are chosen seldom.
fn record(dice: &mut fastrand::Rng) -> Record {
    if dice.u8(0..8) == 0 {
        return Record::Group(Group {
            id: GroupId(id(dice.usize(0..GROUPS))),
            name: "G".to_owned(),
            description: Some(dice.u32(..).to_string()),
            group_type: Coded::new(GroupType::Group, "idp"),
            status: None,
            idp_id: None,
            roles: (dice.u8(0..8) > 0).then(|| some(ROLES, RoleId, dice)),
            created_at: None,
            updated_at: None,
        });
    }
    let number = dice.usize(0..USERS).max(dice.usize(0..USERS));
    Record::User(User {
        name: Some(dice.u32(..).to_string()),
        roles: (dice.u8(0..8) > 0).then(|| some(ROLES, RoleId, dice)),
        groups: (dice.u8(0..8) > 0).then(|| some(GROUPS, GroupId, dice)),
        ..User::new(UserId(id(number)), format!("idp|{number}"))
    })
}

/// A tenant whose records change.
struct World {
    store: Store,
    known: Known,
    records: BTreeMap<(Kind, Id), Record>,
    run: u64,
    at: i64,
    dice: fastrand::Rng,
}

impl World {
    fn commit(&mut self, writes: Vec<Write>, closing: Closing) {
        self.at += 1;
        let commit = Commit {
            tenant: self.known.no,
            run: RunId(self.run),
            at: Timestamp::from_millis(self.at),
            account: self.known.tenant.account(),
            writes,
            closing,
        };
        self.store.commit(commit).unwrap();
    }

    fn load(&mut self) {
        let closing = Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        };
        self.commit(Vec::new(), closing);
    }

    /// Changes some records, in a run of one or several commits.
    fn run(&mut self) {
        self.run += 1;
        for _ in 0..self.dice.usize(1..4) {
            let after = record(&mut self.dice);
            let key = (after.kind(), after.id().clone());
            let change = match self.records.get(&key).cloned() {
                None => Change::Created {
                    after,
                    replaces: None,
                },
                Some(before) if self.dice.u8(0..5) == 0 => Change::Deleted { before },
                Some(before) => Change::Updated { before, after },
            };
            match change.after() {
                Some(after) => drop(self.records.insert(key, after.clone())),
                None => drop(self.records.remove(&key)),
            }
            let print = format!("{:?}", change.after().map(Record::fields));
            let print = xxhash_rust::xxh3::xxh3_128(print.as_bytes()).to_be_bytes();
            let write = Write::Change {
                fingerprint: Fingerprint(print),
                change,
                raw: "{}".into(),
                reported: None,
            };
            self.commit(vec![write], Closing::Nothing);
        }
    }

    /// Returns each user with each role that the user has now.
    fn wanted(&self, picture: &Picture) -> Vec<(User, RoleId)> {
        let users = self.records.values().filter_map(|record| match record {
            Record::User(user) => Some(user),
            Record::Group(_) | Record::Role(_) => None,
        });
        let of_users = users.flat_map(|user| {
            let roles = picture.grants().roles_of(user);
            roles.into_keys().map(|role| (user.clone(), role))
        });
        of_users.collect()
    }
}

/// Finds the answers the slow way: undoes the last `MAX_READ` entries one by one, back to the last
/// load.
fn slowly(world: &World, grants: Grants, wanted: &[(User, RoleId)]) -> Dates {
    let last = world.store.last_seq();
    let floor = Seq(last.0.saturating_sub(MAX_READ));
    let mut undoing = Undoing::begin(Arc::new(grants), asked(wanted));
    let entries = world.store.entries(floor, usize::MAX).unwrap();
    let at = entries
        .first()
        .map_or(world.known.adopted_at, |entry| entry.at);
    for entry in entries.into_iter().rev() {
        if let Fact::Loaded { .. } = entry.fact {
            undoing.end_run();
            return undoing.answers(&Since::BeforeFirstLoad { at: entry.at });
        }
        undoing.undo(entry);
    }
    undoing.answers(&Since::Before { at })
}

fn world(seed: u64) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let tenant = Tenant {
        id: TenantId("t".into()),
        name: "T".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let known = store.adopt(&tenant, &TenantName("t".into()), Timestamp::from_millis(0));
    let world = World {
        store,
        known: known.unwrap(),
        records: BTreeMap::new(),
        run: 1,
        at: 0,
        dice: fastrand::Rng::with_seed(seed),
    };
    (folder, world)
}

/// Writes pairs of a user and a role as questions take them.
fn asked(wanted: &[(User, RoleId)]) -> Vec<(User, Vec<RoleId>)> {
    let wanted = wanted.iter().cloned();
    wanted.map(|(user, role)| (user, vec![role])).collect()
}

#[test]
fn a_trail_that_grows_answers_as_the_journal_does() {
    for seed in 0..4 {
        let (_folder, mut world) = world(seed);
        world.load();
        let mut grown = Trail::default();
        // In the end there are more entries than are read back, and more than a trail keeps.
        while world.store.last_seq().0 < 5 * MAX_READ / 2 {
            for _ in 0..world.dice.usize(1..60) {
                world.run();
            }
            if world.dice.u8(0..40) == 0 {
                world.load();
            }
            let picture = Picture::of(&world.store, &world.known, None).unwrap();
            let mut wanted = world.wanted(&picture);
            let expected = slowly(&world, picture.grants().clone(), &wanted);
            // A question about a few rows reads back fewer entries than one about all.
            world.dice.shuffle(&mut wanted);
            let of = (&world.store, &world.known);
            let up_to = world.store.last_seq();
            for some in [&wanted[..wanted.len().min(2)], &wanted[..]] {
                for trail in [&mut grown, &mut Trail::default()] {
                    let grants = Arc::new(picture.grants().clone());
                    let dates = trail.since_when(of, grants, up_to, asked(some)).unwrap();
                    for (row, since) in dates {
                        assert_eq!(Some(&since), expected.get(&row), "seed {seed}, {row:?}");
                    }
                }
            }
        }
        assert!(grown.high.0 - grown.low.0 <= 2 * MAX_READ);
        assert!(grown.users.len() as u64 <= 2 * MAX_READ);
        assert!(grown.users.is_sorted());
    }
}

/// Finds since when users have had roles, and counts the rows by what the answer rests on.
fn bases(world: &World, trail: &mut Trail) -> BTreeMap<&'static str, usize> {
    let picture = Picture::of(&world.store, &world.known, None).unwrap();
    let (of, up_to) = ((&world.store, &world.known), world.store.last_seq());
    let grants = Arc::new(picture.grants().clone());
    let wanted = asked(&world.wanted(&picture));
    let mut bases = BTreeMap::new();
    for since in trail
        .since_when(of, grants, up_to, wanted)
        .unwrap()
        .values()
    {
        *bases.entry(since.basis()).or_default() += 1;
    }
    bases
}

#[test]
fn where_a_part_of_the_journal_was_lost_nobody_is_said_to_have_had_a_role_from_the_beginning() {
    let (_folder, mut world) = world(3);
    for _ in 0..30 {
        world.run();
    }
    world.load();
    world.run();
    let mut grown = Trail::default();
    let before = bases(&world, &mut grown);
    let n_first = before["before_first_load"];
    assert!(n_first > 3, "{before:?}");

    let lost = Fact::HistoryLost(crate::model::Missing::default());
    let closing = Closing::Report {
        plans: Vec::new(),
        facts: vec![lost],
    };
    world.commit(Vec::new(), closing);

    let mut expected = before;
    expected.remove("before_first_load");
    *expected.entry("before").or_default() += n_first;
    // Found by whoever reads on, and by whoever reads back.
    for trail in [&mut grown, &mut Trail::default()] {
        assert_eq!(bases(&world, trail), expected);
    }
}

#[test]
fn a_trail_that_has_grown_reads_few_entries() {
    let (_folder, mut world) = world(7);
    world.load();
    for _ in 0..40 {
        world.run();
    }
    let picture = Picture::of(&world.store, &world.known, None).unwrap();
    let wanted = world.wanted(&picture);
    let users: BTreeSet<&UserId> = wanted.iter().map(|(user, _)| &user.id).collect();
    assert!(users.len() > 3, "{users:?}");
    drop(
        picture
            .since_when(&world.store, &world.known, asked(&wanted))
            .unwrap(),
    );
    // These changes give a user another name, which changes nobody's roles.
    for _ in 0..100 {
        let Some(Record::User(user)) = world.records.values().next_back().cloned() else {
            panic!("there are users");
        };
        let named = User {
            name: Some(world.dice.u32(..).to_string()),
            ..user.clone()
        };
        let after = Record::User(named);
        world
            .records
            .insert((Kind::User, user.id.0.clone()), after.clone());
        let print = xxhash_rust::xxh3::xxh3_128(format!("{:?}", after.fields()).as_bytes());
        let write = Write::Change {
            fingerprint: Fingerprint(print.to_be_bytes()),
            change: Change::Updated {
                before: Record::User(user),
                after,
            },
            raw: "{}".into(),
            reported: None,
        };
        world.run += 1;
        world.commit(vec![write], Closing::Nothing);
    }
    let picture_now = {
        let mut now = Picture::of(&world.store, &world.known, None).unwrap();
        now.follow(&picture);
        now
    };
    let few = &world.wanted(&picture_now)[..1];
    drop(
        picture_now
            .since_when(&world.store, &world.known, asked(few))
            .unwrap(),
    );

    let n_before = Store::n_rows_read();
    let dates = picture_now
        .since_when(&world.store, &world.known, asked(few))
        .unwrap();

    assert_eq!(dates.len(), 1);
    // It reads the cut of the journal, and the entries about groups and about this user.
    let n_read = Store::n_rows_read() - n_before;
    assert!(
        n_read < 60,
        "{n_read} of {} entries",
        world.store.last_seq()
    );
}
