//! What is reported of rights in spaces.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::{
    Assignee, Found, Space, SpaceAssignment, SpaceChange, SpaceHead, SpaceId, SpacePart, SpaceShare,
};
use crate::store::{KeptSpace, SpaceReading, SpaceReport, SpaceWrite};

const EVERYONE: u32 = 19;

/// Who is assigned with which role: `("user", 1_000, "producer")`.
type Assigned<'a> = (&'a str, u32, &'a str);

/// A space with an owner; `None` if its assignments were never visible.
pub(super) fn space(n: u32, owner: Option<u32>, assigned: Option<&[Assigned<'_>]>) -> Space {
    let mut assignments = BTreeMap::new();
    for (sort, number, role) in assigned.into_iter().flatten() {
        let whom = Assignee {
            sort: (*sort).to_owned(),
            id: id(*number),
        };
        let assignment = assignments.entry(whom).or_insert_with(|| SpaceAssignment {
            roles: BTreeSet::new(),
            created_at: None,
            created_by: None,
            updated_at: None,
        });
        assignment.roles.insert((*role).to_owned());
    }
    Space {
        id: SpaceId(id(n)),
        head: SpaceHead {
            name: format!("space {n}"),
            sort: Some("shared".to_owned()),
            owner: owner.map(|owner| UserId(id(owner))),
            created_at: None,
            unseen: BTreeSet::new(),
        },
        assignments: assigned.map(|_| assignments),
        shares: Some(BTreeMap::new()),
        partial: BTreeSet::new(),
    }
}

/// Returns the space with an app that is shared from it; `share` is the number of the share.
fn sharing(mut space: Space, share: u32, (sort, with, role): Assigned<'_>) -> Space {
    let share_of = SpaceShare {
        sort: sort.to_owned(),
        with: Some(id(with)),
        roles: [role.to_owned()].into(),
        resource: Some("app-1".to_owned()),
        resource_sort: Some("app".to_owned()),
        is_disabled: false,
        created_at: None,
        created_by: None,
    };
    let shares = space.shares.get_or_insert_default();
    shares.insert(id(share), share_of);
    space
}

pub(super) fn everyone() -> Record {
    let Record::Group(group) = group(EVERYONE, &[]) else {
        unreachable!("it is a group");
    };
    Record::Group(Group {
        name: "everyone".to_owned(),
        group_type: Coded::new(GroupType::Organization, "system"),
        ..group
    })
}

impl World {
    /// Reads all spaces for the first time.
    pub(super) fn read_first(&mut self, spaces: impl IntoIterator<Item = Space>) {
        self.in_spaces = InSpaces::Compared;
        for space in spaces {
            self.write(SpaceWrite::Keep(kept(space)), None);
        }
        let reading = SpaceReading {
            first: Some(Timestamp::from_millis(1)),
            since: Some(self.store.last_seq()),
            ..SpaceReading::default()
        };
        let no = self.known().no;
        self.store.set_space_reading(no, reading).unwrap();
    }

    fn write(&self, write: SpaceWrite, change: Option<SpaceChange>) {
        let known = self.known();
        let told = change.map(|change| SpaceReport {
            run: RunId(self.n_runs),
            at: Timestamp::from_millis(1_000 * i64::try_from(self.n_runs).unwrap()),
            account: known.tenant.account(),
            change,
        });
        self.store.write_space(known.no, write, told, None).unwrap();
    }

    /// Does a run that finds these spaces.
    pub(super) fn read(&mut self, spaces: impl IntoIterator<Item = Space>) {
        self.n_runs += 1;
        self.read_on(spaces);
    }

    /// Makes the last run find further spaces.
    fn read_on(&mut self, spaces: impl IntoIterator<Item = Space>) {
        let no = self.known().no;
        for space in spaces {
            let known = self.store.space(no, &space.id).unwrap();
            let known = known.map(|kept| kept.space);
            let change = SpaceChange::between(known.as_ref(), Some(&space), Found::New);
            self.write(SpaceWrite::Keep(kept(space)), change);
        }
    }

    /// Does a run that finds a space that was not visible before.
    fn find_late(&mut self, space: Space) {
        self.n_runs += 1;
        let change = SpaceChange::between(None, Some(&space), Found::Late);
        self.write(SpaceWrite::Keep(kept(space)), change);
    }

    /// Notes that another reading of all spaces has ended.
    pub(super) fn end_reading(&self) {
        let no = self.known().no;
        let mut reading = self.store.space_reading(no).unwrap();
        reading.mark.number += 1;
        self.store.set_space_reading(no, reading).unwrap();
    }

    /// Does a run that finds that a space is gone.
    fn lose(&mut self, n: u32) {
        self.n_runs += 1;
        let no = self.known().no;
        let known = self.store.space(no, &SpaceId(id(n))).unwrap().unwrap();
        let change = SpaceChange::between(Some(&known.space), None, Found::New);
        self.write(SpaceWrite::Remove(SpaceId(id(n))), change);
    }
}

fn kept(space: Space) -> KeptSpace {
    KeptSpace {
        space,
        reading: 1,
        changed_at: None,
    }
}

/// A tenant with three users, of whom two are in group 11 and the first is also in group 12, and
/// with this space.
fn world(first: Space) -> (World, Seq) {
    let mut world = World::of([
        group(11, &[]),
        group(12, &[]),
        everyone(),
        user(1_000, &[], &[11, 12]),
        user(1_001, &[], &[11]),
        user(1_002, &[], &[]),
    ]);
    world.read_first([first]);
    assert!(!world.report(), "a first load grants nothing");
    let begin = world.store.last_seq();
    (world, begin)
}

#[test]
fn an_assignment_that_moves_revokes_nothing_for_whoever_is_in_both_groups() {
    let (mut world, begin) = world(space(50, Some(1_002), Some(&[("group", 11, "producer")])));

    world.read([space(50, Some(1_002), Some(&[("group", 12, "producer")]))]);
    assert!(world.report());

    assert_eq!(
        world.lines(begin),
        [
            "User 1001 -producer in space 50 group 11>",
            "User 1000 ~producer in space 50 group 11>group 12",
        ]
    );
    assert!(!world.report(), "it is reported once");
}

#[test]
fn whoever_joins_or_leaves_a_group_comes_to_its_spaces_or_leaves_them() {
    let (mut world, begin) = world(space(
        50,
        None,
        Some(&[
            ("group", 11, "producer"),
            ("group", 12, "producer"),
            ("group", 12, "consumer"),
            ("user", 1_001, "producer"),
        ]),
    ));

    world.run(
        [
            user(1_000, &[], &[12]),
            user(1_001, &[], &[12]),
            user(1_003, &[], &[11]),
        ],
        &[],
    );
    world.report();

    assert_eq!(
        world.lines(begin),
        [
            "User 1001 +consumer in space 50 >group 12",
            "User 1003 +producer in space 50 >group 11",
            "User 1001 ~producer in space 50 direct+group 11>direct+group 12",
            "User 1000 ~producer in space 50 group 11+group 12>group 12",
        ]
    );
}

#[test]
fn owner_and_apps_and_everybody_are_reported_and_a_deleted_user_loses_all() {
    let (mut world, begin) = world(space(50, Some(1_000), Some(&[("user", 1_001, "consumer")])));

    let everybodys = space(
        50,
        Some(1_002),
        Some(&[("user", 1_001, "consumer"), ("group", EVERYONE, "consumer")]),
    );
    world.read([sharing(everybodys, 70, ("group", 11, "contributor"))]);
    world.report();
    let next = world.store.last_seq();
    world.run([], &[1_000, 1_002]);
    world.report();
    let last = world.store.last_seq();
    world.lose(50);
    world.report();

    assert_eq!(
        world.lines(begin)[..5],
        [
            "all 3 +consumer in space 50 >everyone",
            "User 1002 +owner in space 50 >owner",
            "User 1000 -owner in space 50 owner>",
            "User 1000 +contributor of app-1 in space 50 >group 11",
            "User 1001 +contributor of app-1 in space 50 >group 11",
        ]
    );
    assert_eq!(
        world.lines(next)[..2],
        [
            "User 1002 -owner in space 50 owner>",
            "User 1000 -contributor of app-1 in space 50 group 11>",
        ]
    );
    assert_eq!(
        world.lines(last),
        [
            "all 1 -consumer in space 50 everyone>",
            "User 1001 -consumer in space 50 direct+everyone>",
            "User 1001 -contributor of app-1 in space 50 group 11>",
        ]
    );
}

#[test]
fn what_is_not_visible_revokes_nothing_and_what_becomes_visible_is_not_granted() {
    let (mut world, begin) = world(space(50, Some(1_002), None));

    // It becomes visible.
    let shown = space(50, Some(1_002), Some(&[("group", 11, "producer")]));
    world.read([shown.clone()]);
    world.report();
    // It is hidden again, and stays as it was known.
    let mut hidden = shown;
    hidden.head.unseen.insert(SpacePart::Assignments);
    world.read([hidden]);
    world.report();

    assert_eq!(world.lines(begin), [""; 0]);
}

#[test]
fn whoever_has_a_right_in_a_space_that_only_becomes_visible_is_not_granted_it() {
    let (mut world, begin) = world(space(50, None, Some(&[])));
    let assigned = [
        ("user", 1_000, "consumer"),
        ("group", 11, "producer"),
        ("group", EVERYONE, "consumer"),
    ];

    let found = space(51, Some(1_002), Some(&assigned));
    world.find_late(sharing(found, 70, ("user", 1_001, "contributor")));
    // A user who comes at the same time had nothing before.
    world.n_runs -= 1;
    world.run([user(1_003, &[], &[11])], &[]);
    world.report();

    assert_eq!(
        world.lines(begin),
        ["User 1003 +producer in space 51 >group 11"]
    );
    // From now on the space is known.
    let later = world.store.last_seq();
    world.run([user(1_001, &[], &[])], &[]);
    world.report();
    assert_eq!(
        world.lines(later),
        ["User 1001 -producer in space 51 group 11>"]
    );
}

#[test]
fn whoever_was_missing_in_a_list_that_was_seen_in_part_is_not_granted_a_right() {
    let partial = |assigned: &[Assigned<'_>]| Space {
        partial: [SpacePart::Assignments].into(),
        ..space(50, None, Some(assigned))
    };
    let (mut world, begin) = world(partial(&[("user", 1_000, "consumer")]));

    let more = [("user", 1_001, "consumer"), ("group", EVERYONE, "consumer")];
    world.read([partial(&[("user", 1_000, "consumer"), more[0]])]);
    world.report();
    // Whoever joins a group that is known to be assigned is granted its role.
    let grouped = [
        ("user", 1_000, "consumer"),
        more[0],
        ("group", 12, "producer"),
    ];
    world.read([partial(&grouped)]);
    world.report();
    world.run([user(1_002, &[], &[12])], &[]);
    world.report();
    assert_eq!(
        world.lines(begin),
        ["User 1002 +producer in space 50 >group 12"]
    );
    let begin = world.store.last_seq();
    world.run([user(1_002, &[], &[])], &[]);
    world.read([space(50, None, Some(&more))]);
    world.report();
    // A list that was seen whole once is known, even if only part of it is seen later.
    let all = [more[0], more[1], ("user", 1_002, "producer")];
    let mut seen_in_part = space(50, None, Some(&all));
    seen_in_part.head.unseen.insert(SpacePart::Assignments);
    world.read([seen_in_part]);
    world.report();

    assert_eq!(
        world.lines(begin),
        [
            "User 1000 ~consumer in space 50 direct>everyone",
            "User 1000 -producer in space 50 group 12>",
            "User 1002 +producer in space 50 >direct",
        ]
    );
}

/// Makes a tenant in which much happens while spaces are not read, up to the end of the next
/// reading of all spaces. Returns it with the last entry by then and what must be reported.
fn much_while_not_read() -> (World, Seq, [&'static str; 5]) {
    let producers = [("group", 11, "producer")];
    let (mut world, begin) = world(space(50, Some(1_002), Some(&producers)));
    world.run([user(1_002, &[], &[11])], &[]);
    world.report();
    assert_eq!(
        world.lines(begin),
        ["User 1002 +producer in space 50 >group 11"]
    );
    let off = world.store.last_seq();
    world.in_spaces = InSpaces::Ignored;
    world.run([user(1_001, &[], &[12]), user(1_002, &[1], &[])], &[]);
    world.report();
    // A user who leaves a group and joins it again meanwhile is not reported.
    world.run([user(1_000, &[], &[])], &[]);
    world.report();
    world.run([user(1_000, &[], &[11, 12])], &[]);
    world.report();

    // Until all spaces were read again, nobody knows what a user holds in them.
    world.in_spaces = InSpaces::Compared;
    world.run([user(1_003, &[], &[11])], &[]);
    world.report();
    assert_eq!(world.lines(off), ["User 1002 +role 1 >direct"]);
    let others = [("group", 12, "producer"), ("user", 1_003, "consumer")];
    world.read([space(50, Some(1_000), Some(&others))]);
    world.end_reading();
    let expected = [
        "User 1003 +consumer in space 50 >direct",
        "User 1000 +owner in space 50 >owner",
        "User 1002 -owner in space 50 owner>",
        "User 1002 -producer in space 50 group 11>",
        "User 1000 ~producer in space 50 group 11>group 12",
    ];
    let read = world.store.last_seq();
    (world, read, expected)
}

#[test]
fn what_changes_while_spaces_are_not_read_is_reported_once_all_were_read_again() {
    let (mut world, read, expected) = much_while_not_read();

    world.report();

    let mut lines = world.lines(read);
    // 1001 had the role by group 11, and has it by group 12.
    lines.retain(|line| line != "User 1001 ~producer in space 50 group 11>group 12");
    assert_eq!(lines, expected);
    assert!(!world.report(), "it is reported once");
    // From now on each run is reported again.
    let later = world.store.last_seq();
    world.run([user(1_000, &[], &[])], &[]);
    world.report();
    assert_eq!(
        world.lines(later),
        ["User 1000 -producer in space 50 group 12>"]
    );
}

#[test]
fn changes_of_spaces_from_before_all_were_read_are_not_reported() {
    let (mut world, _) = world(space(50, None, Some(&[])));
    world.in_spaces = InSpaces::Ignored;
    world.read([space(50, None, Some(&[("group", 11, "producer")]))]);
    // As after a migration, rights in spaces are compared from here on, although the mark is
    // behind.
    world.in_spaces = InSpaces::Compared;
    let no = world.known().no;
    let mut reading = world.store.space_reading(no).unwrap();
    reading.since = Some(world.store.last_seq());
    world.store.set_space_reading(no, reading).unwrap();

    world.run([user(1_002, &[], &[11])], &[]);
    let begin = world.store.last_seq();
    world.report();

    assert_eq!(
        world.lines(begin),
        ["User 1002 +producer in space 50 >group 11"]
    );
}

#[test]
fn a_share_that_no_longer_says_what_it_shares_revokes_nothing() {
    let with = ("group", 11, "contributor");
    let known = sharing(space(50, None, Some(&[])), 70, with);
    let (mut world, begin) = world(known.clone());

    let mut silent = known;
    for share in silent.shares.iter_mut().flat_map(BTreeMap::values_mut) {
        share.resource_sort = None;
    }
    world.read([silent]);
    world.run([user(1_002, &[], &[11])], &[]);
    world.report();

    assert_eq!(
        world.lines(begin),
        ["User 1002 +contributor of app-1 in space 50 >group 11"]
    );
}

#[test]
fn what_a_run_changes_is_netted_although_a_space_is_read_meanwhile() {
    let (mut world, begin) = world(space(50, None, Some(&[("group", 11, "producer")])));

    // Role 1 moves from the group to its member, and meanwhile a space is read by another run.
    world.run([group(11, &[1])], &[]);
    world.report();
    let middle = world.store.last_seq();
    world.run([group(11, &[])], &[]);
    let of_records = world.n_runs;
    world.read([space(51, None, Some(&[("user", 1_002, "consumer")]))]);
    world.n_runs = of_records;
    world.go_on([user(1_000, &[1], &[11, 12])], &[]);
    world.n_runs += 1;
    world.read_on([space(52, None, Some(&[("user", 1_002, "consumer")]))]);
    world.report();

    assert_eq!(
        world.lines(middle),
        [
            "User 1001 -role 1 group 11>",
            "User 1000 ~role 1 group 11>direct",
            "User 1002 +consumer in space 51 >direct",
            "User 1002 +consumer in space 52 >direct",
        ]
    );
    let runs: Vec<u64> = world
        .reported(middle)
        .iter()
        .map(|entry| entry.run().unwrap().0)
        .collect();
    assert_eq!(runs, [3, 3, 3, 4]);
    assert!(world.lines(begin).len() > 4);
}

#[test]
fn while_spaces_are_not_read_nothing_is_reported_of_them() {
    let (mut world, begin) = world(space(50, None, Some(&[("group", 11, "producer")])));
    world.in_spaces = InSpaces::Ignored;

    world.run([user(1_002, &[2], &[11])], &[]);
    world.report();

    assert_eq!(world.lines(begin), ["User 1002 +role 2 >direct"]);
}

/// Makes a tenant, and a run of the spaces with more to report than fits one commit.
fn much_to_tell_of_spaces() -> (World, Seq) {
    let groups = (0..60).map(|n| group(100 + n, &[]));
    let few = (0..120).map(|n| user(1_000 + n, &[], &[100 + n / 2]));
    let many = (0..230).map(|n| user(3_000 + n, &[], &[100 + n % 3]));
    let mut world = World::of(groups.chain(few).chain(many));
    let spaces = || (0..60).map(|n| space(500 + n, None, Some(&[])));
    world.read_first(spaces());
    let begin = world.store.last_seq();
    world.read((0..60).map(|n| {
        let roles = [
            ("group", 100 + n, "consumer"),
            ("group", 100 + n, "producer"),
            ("user", 1_000, "facilitator"),
        ];
        space(500 + n, None, Some(&roles))
    }));
    (world, begin)
}

#[test]
fn a_report_of_spaces_that_was_interrupted_goes_on_where_it_stopped() {
    let (whole, begin) = much_to_tell_of_spaces();
    whole.report();
    let n_lists = whole.reported(begin).into_iter().filter(|entry| {
        matches!(
            &entry.fact,
            Fact::RightChanged(right) if matches!(right.holders, RightHolders::Listed { .. })
        )
    });
    assert_eq!(n_lists.count(), 6);

    for n_commits in 0..4 {
        let (mut world, begin) = much_to_tell_of_spaces();
        stop_after(&world, begin, n_commits);
        // What is read later does not change what is reported of this run.
        let later = world.store.last_seq();
        world.lose(510);
        world.read([space(490, None, Some(&[("user", 1_001, "consumer")]))]);

        world.report();

        let mut lines = world.lines(begin);
        let expected = whole.lines(begin);
        lines.truncate(expected.len());
        assert_eq!(lines, expected, "after {n_commits}");
        let lines = world.lines(later);
        assert!(lines.contains(&"User 1001 +consumer in space 490 >direct".to_owned()));
        assert!(lines.contains(&"User 1000 -facilitator in space 510 direct>".to_owned()));
        assert_eq!(world.store.check().unwrap().faults, []);
        assert!(!world.report());
    }
}

#[test]
fn after_an_interruption_roles_are_reported_once_whether_or_not_spaces_are_still_read() {
    let expected = {
        let (mut world, begin) = much_to_tell();
        world.read_first([space(50, None, Some(&[("group", 100, "producer")]))]);
        world.in_spaces = InSpaces::Ignored;
        world.report();
        world.lines(begin)
    };
    for n_commits in 1..3 {
        let (mut world, begin) = much_to_tell();
        world.read_first([space(50, None, Some(&[("group", 100, "producer")]))]);
        stop_after(&world, begin, n_commits);
        world.in_spaces = InSpaces::Ignored;

        world.report();

        assert_eq!(world.lines(begin), expected, "after {n_commits}");
    }
}
