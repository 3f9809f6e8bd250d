//! What is reported about a run and in which order, and that it is reported just once.

mod in_spaces;
mod ranges;

use std::collections::BTreeMap;

use super::range::{self, Ahead, SpacesFrom};
use super::rights_writer::RightsWriter;
use super::{InSpaces, Looked, changes, report};
use crate::history::HistoryError;
use crate::model::{
    AccessChange, Change, Coded, Entry, Fact, Fingerprint, Group, GroupId, GroupType, Id, Record,
    Right, RightChange, RightHolders, Role, RoleId, RoleType, RunId, Seq, Tenant, TenantId,
    TenantName, Timestamp, User, UserId,
};
use crate::store::{Closing, Commit, Known, PlanHead, RightsMark, Store, Write};

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

fn role(n: u32) -> Record {
    let role_type = Coded::new(RoleType::Basic, "user");
    Record::Role(Role {
        scopes: Some(["read".to_owned()].into()),
        ..Role::new(RoleId(id(n)), format!("role {n}"), role_type)
    })
}

fn group(n: u32, roles: &[u32]) -> Record {
    let roles = roles.iter().map(|n| (RoleId(id(*n)), format!("role {n}")));
    Record::Group(Group {
        id: GroupId(id(n)),
        name: format!("group {n}"),
        description: None,
        group_type: Coded::new(GroupType::Group, "custom"),
        status: None,
        idp_id: None,
        roles: Some(roles.collect()),
        created_at: None,
        updated_at: None,
    })
}

fn user(n: u32, roles: &[u32], groups: &[u32]) -> Record {
    let named = |n: &u32| (id(*n), format!("{n}"));
    Record::User(User {
        name: Some(format!("User {n}")),
        roles: Some(
            roles
                .iter()
                .map(named)
                .map(|(id, name)| (RoleId(id), name))
                .collect(),
        ),
        groups: Some(
            groups
                .iter()
                .map(named)
                .map(|(id, name)| (GroupId(id), name))
                .collect(),
        ),
        ..User::new(UserId(id(n)), format!("idp|{n}"))
    })
}

/// A tenant with roles 1 and 2, the groups 11 and 12, and users from 1,000 on.
struct World {
    _folder: tempfile::TempDir,
    store: Store,
    records: BTreeMap<Id, Record>,
    n_runs: u64,
    in_spaces: InSpaces,
}

impl World {
    fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName("t".into());
        store
            .adopt(&tenant, &name, Timestamp::from_millis(0))
            .unwrap();
        let mut world = Self {
            _folder: folder,
            store,
            records: BTreeMap::new(),
            n_runs: 1,
            in_spaces: InSpaces::Ignored,
        };
        let records: Vec<_> = [role(1), role(2)].into_iter().chain(records).collect();
        let writes = records.into_iter().map(|record| world.quiet(record));
        let writes: Vec<_> = writes.collect();
        for chunk in writes.chunks(90) {
            world.commit(chunk.to_vec(), Closing::Nothing);
        }
        let loaded = Closing::Loaded {
            roles: 2,
            groups: 0,
            users: 0,
        };
        world.commit(Vec::new(), loaded);
        world
    }

    fn known(&self) -> Known {
        self.store.tenants().unwrap().remove(0)
    }

    fn quiet(&mut self, record: Record) -> Write {
        self.records.insert(record.id().clone(), record.clone());
        Write::Quiet {
            fingerprint: print_of(&record),
            record,
            raw: "{}".into(),
        }
    }

    fn commit(&self, writes: Vec<Write>, closing: Closing) {
        let known = self.known();
        self.store
            .commit(Commit {
                tenant: known.no,
                run: RunId(self.n_runs),
                at: Timestamp::from_millis(1_000 * i64::try_from(self.n_runs).unwrap()),
                account: known.tenant.account(),
                writes,
                closing,
            })
            .unwrap();
    }

    /// Does a run that finds these records, and finds that others are gone.
    fn run(&mut self, found: impl IntoIterator<Item = Record>, gone: &[u32]) {
        self.n_runs += 1;
        self.go_on(found, gone);
    }

    /// Notes that a record was found, and returns the write of its change.
    fn changed(&mut self, record: Record) -> Write {
        let before = self.records.insert(record.id().clone(), record.clone());
        Write::Change {
            fingerprint: print_of(&record),
            change: match before {
                Some(before) => Change::Updated {
                    before,
                    after: record,
                },
                None => Change::Created {
                    after: record,
                    replaces: None,
                },
            },
            raw: "{}".into(),
            reported: None,
        }
    }

    /// Makes the last run find more.
    fn go_on(&mut self, found: impl IntoIterator<Item = Record>, gone: &[u32]) {
        let mut writes = Vec::new();
        writes.extend(found.into_iter().map(|record| self.changed(record)));
        for gone in gone {
            let before = self.records.remove(&id(*gone)).unwrap();
            writes.push(Write::Change {
                change: Change::Deleted { before },
                fingerprint: Fingerprint([0; 16]),
                raw: "".into(),
                reported: None,
            });
        }
        for chunk in writes.chunks(40) {
            self.commit(chunk.to_vec(), Closing::Nothing);
        }
    }

    fn report(&self) -> bool {
        let looked = Looked::default();
        report(&self.store, &self.known(), &looked, self.in_spaces).unwrap()
    }

    /// Returns what is reported after an entry.
    fn reported(&self, after: Seq) -> Vec<Entry> {
        let entries = self.store.entries(after, usize::MAX).unwrap().into_iter();
        entries
            .filter(|entry| {
                matches!(
                    entry.fact,
                    Fact::RightChanged(_) | Fact::RoleContentChanged { .. }
                )
            })
            .collect()
    }

    /// Returns in words what is reported after an entry, with a line for each user.
    fn lines(&self, after: Seq) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.reported(after) {
            let Fact::RightChanged(right) = &entry.fact else {
                continue;
            };
            for name in self.users_of(entry.seq, right) {
                let word = match right.change {
                    AccessChange::Granted => "+",
                    AccessChange::Revoked => "-",
                    AccessChange::PathChanged => "~",
                };
                let paths = |paths: &[crate::model::ShownPath]| {
                    let paths = paths.iter().map(|shown| match &shown.group {
                        Some(group) => group.clone(),
                        None => shown.path.word().to_owned(),
                    });
                    paths.collect::<Vec<_>>().join("+")
                };
                lines.push(format!(
                    "{name} {word}{} {}>{}",
                    name_of(&right.right),
                    paths(&right.before),
                    paths(&right.after)
                ));
            }
        }
        lines
    }

    fn users_of(&self, entry: Seq, right: &RightChange) -> Vec<String> {
        match &right.holders {
            RightHolders::One(holder) => vec![holder.label().to_owned()],
            RightHolders::Everybody { count } => vec![format!("all {count}")],
            RightHolders::Listed { list, count } => {
                let no = self.known().no;
                let mut users = Vec::new();
                loop {
                    let list = (entry, *list);
                    let more = self.store.listed(no, list, users.len() as u64).unwrap();
                    if more.is_empty() {
                        assert_eq!(users.len() as u64, *count);
                        return users;
                    }
                    users.extend(more.into_iter().map(|it| it.label().to_owned()));
                }
            }
        }
    }
}

fn name_of(right: &Right) -> String {
    match right {
        Right::Role(role) => role.name.clone(),
        Right::SpaceRole { space, role } => format!("{role} in {}", space.name),
        Right::App {
            space,
            resource,
            role,
            ..
        } => format!(
            "{role} of {} in {}",
            resource.as_deref().unwrap_or("-"),
            space.name
        ),
    }
}

fn print_of(record: &Record) -> Fingerprint {
    Fingerprint(
        xxhash_rust::xxh3::xxh3_128(format!("{record:?}{:?}", record.fields()).as_bytes())
            .to_be_bytes(),
    )
}

#[test]
fn a_run_is_netted() {
    let mut world = World::of([
        group(11, &[1]),
        group(12, &[]),
        user(1_000, &[], &[11]),
        user(1_001, &[2], &[11]),
        user(1_002, &[2], &[]),
    ]);
    assert!(!world.report());
    let begin = world.store.last_seq();

    // The role moves from one group to the other, and so do two members; one stays behind.
    let moved = [
        group(11, &[]),
        group(12, &[1]),
        user(1_000, &[], &[12]),
        user(1_001, &[], &[11]),
    ];
    world.run(moved, &[1_002]);
    assert!(world.report());

    assert_eq!(
        world.lines(begin),
        [
            "User 1001 -role 1 group 11>",
            "User 1000 ~role 1 group 11>group 12",
            "User 1001 -role 2 direct>",
            "User 1002 -role 2 direct>",
        ]
    );
    assert!(!world.report(), "it is reported once");
    let runs: Vec<_> = world.reported(begin).iter().map(Entry::run).collect();
    assert!(runs.iter().all(|run| *run == Some(RunId(2))));
}

/// A process that ends while a run writes its changes leaves the rest to the next run. Until then,
/// a space may be read, and the rights in spaces are compared.
#[test]
fn a_run_is_netted_though_the_process_ends_between_its_commits() {
    let mut world = World::of([group(11, &[1]), group(12, &[]), user(1_000, &[], &[11, 12])]);
    let (begin, known) = (world.store.last_seq(), world.known());
    world.n_runs += 1;
    let moved = [group(11, &[]), group(12, &[1])].map(|record| world.changed(record));
    world.store.stage(known.no, 0, &moved).unwrap();
    let head = PlanHead {
        run: RunId(world.n_runs),
        at: Timestamp::from_millis(2_000),
        account: known.tenant.account(),
        rows_total: 2,
    };
    world.store.seal_plan(known.no, &head).unwrap();
    let [first, second] = moved;
    world.commit(vec![first], Closing::PlanRows(1));

    assert!(!world.report());
    assert_eq!(world.lines(begin), [""; 0]);

    world.commit(vec![second], Closing::PlanRows(1));
    assert!(world.report());
    assert_eq!(world.lines(begin), ["User 1000 ~role 1 group 11>group 12"]);
}

#[test]
fn many_users_with_the_same_change_are_one_entry_with_a_list() {
    // One in ten holds the role already.
    let users = (1_000..1_500).map(|n| match n % 10 {
        0 => user(n, &[1], &[11]),
        _ => user(n, &[], &[11]),
    });
    let mut world = World::of([group(11, &[])].into_iter().chain(users));
    let begin = world.store.last_seq();

    world.run([group(11, &[1])], &[]);
    world.report();

    let reported = world.reported(begin);
    let counts: Vec<_> = reported
        .iter()
        .map(|entry| match &entry.fact {
            Fact::RightChanged(right) => (right.change, right.holders.count()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        counts,
        [
            (AccessChange::Granted, 450),
            (AccessChange::PathChanged, 50)
        ]
    );
    let lines = world.lines(begin);
    assert_eq!(lines.len(), 500);
    assert_eq!(lines[0], "User 1001 +role 1 >group 11");
    assert_eq!(lines[450], "User 1000 ~role 1 direct>direct+group 11");
    assert_eq!(world.store.check().unwrap().faults, []);
}

#[test]
fn what_a_role_allows_is_reported_of_the_role_and_not_of_its_holders() {
    let mut world = World::of([user(1_000, &[1], &[])]);
    let begin = world.store.last_seq();
    let Record::Role(now) = role(1) else {
        unreachable!("it is a role");
    };

    let wider = Role {
        scopes: Some(["read".to_owned(), "write".to_owned()].into()),
        ..now.clone()
    };
    world.run([Record::Role(wider)], &[]);
    world.report();
    // What is not visible is no loss.
    let hidden = Role {
        scopes: None,
        ..now
    };
    world.run([Record::Role(hidden)], &[]);
    world.report();

    let reported = world.reported(begin);
    assert_eq!(reported.len(), 1, "{reported:?}");
    let Fact::RoleContentChanged { gained, lost, .. } = &reported[0].fact else {
        panic!("{reported:?}");
    };
    assert_eq!(*gained, ["write".to_owned()].into());
    assert!(lost.is_empty());
}

/// Makes a tenant, and a run with more to report than fits one commit, lists included.
fn much_to_tell() -> (World, Seq) {
    let groups = (0..60).map(|n| group(100 + n, &[]));
    let few = (0..120).map(|n| user(1_000 + n, &[], &[100 + n / 2]));
    let many = (0..230).map(|n| user(3_000 + n, &[], &[100 + n % 3]));
    let mut world = World::of(groups.chain(few).chain(many));
    let begin = world.store.last_seq();
    world.run((0..60).map(|n| group(100 + n, &[1, 2])), &[]);
    (world, begin)
}

/// Returns what follows an entry.
fn next(world: &World, after: Seq) -> Ahead {
    let known = world.known();
    let spaces = match world.in_spaces {
        InSpaces::Ignored => SpacesFrom::Never,
        InSpaces::Compared => SpacesFrom::After(Seq::START),
    };
    range::next(&world.store, &known, after, None, spaces).unwrap()
}

/// Reports the changes of a run, and stops after this many commits.
fn stop_after(world: &World, begin: Seq, n_commits: usize) {
    let known = world.known();
    let Ahead::Changes(range) = next(world, begin) else {
        panic!("there are changes");
    };
    let mut writer =
        RightsWriter::begin(&world.store, &known, &range, RightsMark::reported(begin)).unwrap();
    writer.n_commits_left = Some(n_commits);
    let stopped = changes::gather(&world.store, &known, &range, &mut writer)
        .and_then(|()| writer.end().map(drop));
    assert!(
        matches!(stopped, Err(HistoryError::Store { .. })),
        "after {n_commits}"
    );
}

#[test]
fn an_interrupted_report_continues_where_it_stopped() {
    let (whole, begin) = much_to_tell();
    whole.report();
    let facts: Vec<Fact> = whole
        .reported(begin)
        .into_iter()
        .map(|it| it.fact)
        .collect();
    assert!(facts.len() > 200, "{}", facts.len());
    assert!(facts.iter().any(|fact| matches!(
        fact,
        Fact::RightChanged(RightChange {
            holders: RightHolders::Listed { .. },
            ..
        })
    )));

    for n_commits in 0..3 {
        let (world, begin) = much_to_tell();
        stop_after(&world, begin, n_commits);

        world.report();

        assert_eq!(world.lines(begin), whole.lines(begin), "after {n_commits}");
        assert_eq!(world.store.check().unwrap().faults, []);
        let mark = world.store.rights_mark(world.known().no).unwrap();
        let mark = mark.unwrap();
        assert_eq!(mark, RightsMark::reported(mark.reported));
        assert!(!world.report());
    }
}

#[test]
fn what_a_run_finds_after_its_report_was_interrupted_is_reported_and_nothing_twice() {
    let further = || {
        [
            user(1_000, &[1], &[]),
            user(5_000, &[2], &[]),
            group(101, &[1]),
        ]
    };
    let (mut whole, begin) = much_to_tell();
    whole.report();
    whole.go_on(further(), &[1_001]);
    whole.report();

    for n_commits in 0..3 {
        let (mut world, begin) = much_to_tell();
        stop_after(&world, begin, n_commits);
        world.go_on(further(), &[1_001]);

        world.report();

        match n_commits {
            // Nothing was written, so all of it is one run.
            0 => assert!(world.lines(begin).len() < whole.lines(begin).len()),
            _ => assert_eq!(world.lines(begin), whole.lines(begin), "after {n_commits}"),
        }
        assert!(!world.report());
    }
    assert!(!whole.lines(begin).is_empty());
}

#[test]
fn what_waits_to_be_written_is_bounded_by_its_weight() {
    let (whole, begin) = much_to_tell();
    whole.report();
    let mut expected = whole.lines(begin);
    expected.sort();

    let (world, begin) = much_to_tell();
    let known = world.known();
    let Ahead::Changes(range) = next(&world, begin) else {
        panic!("there are changes");
    };
    let mut writer =
        RightsWriter::begin(&world.store, &known, &range, RightsMark::reported(begin)).unwrap();
    writer.max_weight = 3_000;
    changes::gather(&world.store, &known, &range, &mut writer).unwrap();
    assert!(writer.weight <= writer.max_weight, "{}", writer.weight);
    writer.end().unwrap();

    let mut lines = world.lines(begin);
    lines.sort();
    assert_eq!(lines, expected);
    assert_eq!(world.store.check().unwrap().faults, []);
}
