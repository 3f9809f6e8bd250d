//! Which changes are compared together, and what is compared once more after an interruption.

use super::in_spaces::{everyone, space};
use super::*;
use crate::model::Missing;
use crate::store::{MaintenancePass, Retention};
use crate::sync::rights::range::{MAX_SPACES, MAX_USERS};

/// Returns how many lines there are about each right.
fn n_lines(world: &World, after: Seq) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in world.lines(after) {
        let (_, what) = line.split_once(['+', '-', '~']).unwrap();
        *counts.entry(what.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn a_run_of_more_users_or_spaces_than_are_compared_at_once_is_compared_in_parts() {
    let n_users = u32::try_from(MAX_USERS).unwrap() + 30;
    let n_spaces = u32::try_from(MAX_SPACES).unwrap() + 30;
    let mut world = World::of([everyone(), user(999, &[], &[])]);
    world.read_first([]);
    let begin = world.store.last_seq();

    world.run((0..n_users).map(|n| user(1_000 + n, &[1], &[])), &[]);
    world.read((0..n_spaces).map(|n| space(50_000 + n, None, Some(&[("user", 999, "producer")]))));

    let (mut parts, mut after) = (Vec::new(), begin);
    while let Ahead::Changes(range) = next(&world, after) {
        parts.push((range.users.len(), range.spaces.len()));
        after = range.end;
    }
    assert_eq!(parts, [(MAX_USERS, 0), (30, 0), (0, MAX_SPACES), (0, 30)]);
    world.report();
    let counts = n_lines(&world, begin);
    assert_eq!(
        counts.values().sum::<usize>(),
        (n_users + n_spaces) as usize
    );
    assert_eq!(counts["role 1 >direct"], n_users as usize);
    assert!(!world.report(), "it is reported once");
    assert_eq!(n_lines(&world, begin), counts);
}

#[test]
fn spaces_that_are_read_beside_a_run_are_compared_with_it_only_so_many_at_a_time() {
    let n_spaces = u32::try_from(MAX_SPACES).unwrap() + 30;
    let mut world = World::of([everyone(), user(999, &[], &[])]);
    world.read_first([]);
    let begin = world.store.last_seq();

    world.run([user(1_000, &[1], &[])], &[]);
    let of_records = world.n_runs;
    world.read((0..n_spaces).map(|n| space(50_000 + n, None, Some(&[("user", 999, "producer")]))));
    world.n_runs = of_records;
    world.go_on([user(1_001, &[1], &[])], &[]);

    let Ahead::Changes(range) = next(&world, begin) else {
        panic!("there are changes");
    };
    assert!(range.spaces.len() <= MAX_SPACES, "{}", range.spaces.len());
    world.report();
    let lines = world.lines(begin).len();
    assert_eq!(lines, n_spaces as usize + 2);
}

#[test]
fn a_run_is_not_netted_across_a_lost_part_of_the_history() {
    let mut world = World::of([user(1_000, &[], &[])]);
    let begin = world.store.last_seq();
    world.run([user(1_000, &[1], &[])], &[]);
    let lost = Closing::Report {
        plans: Vec::new(),
        facts: vec![Fact::HistoryLost(Missing::default())],
    };
    world.commit(Vec::new(), lost);
    world.go_on([user(1_000, &[2], &[])], &[]);

    world.report();

    assert_eq!(
        world.lines(begin),
        [
            "User 1000 +role 1 >direct",
            "User 1000 -role 1 direct>",
            "User 1000 +role 2 >direct",
        ]
    );
}

#[test]
fn what_was_cut_before_it_was_compared_is_left_out_and_the_rest_is_reported() {
    let mut world = World::of([group(11, &[]), user(1_000, &[], &[11])]);
    world.report();
    world.run([group(11, &[1])], &[]);
    let retention = Retention {
        keep: std::time::Duration::ZERO,
        keep_runs: 1,
    };
    let now = Timestamp::from_millis(10_000);
    let pass = MaintenancePass::new(world.store.clone(), retention, Vec::new(), now);
    assert!(pass.finish().unwrap().entries > 0);
    let begin = world.store.last_seq();
    world.n_runs = 20;
    world.run([group(11, &[1, 2])], &[]);

    world.report();

    assert_eq!(world.lines(begin), ["User 1000 +role 2 >group 11"]);
}

#[test]
fn what_all_users_come_to_have_in_a_space_is_reported_though_no_space_has_changed() {
    let assigned = [("group", 18, "producer")];
    let mut world = World::of([everyone(), user(1_000, &[], &[])]);
    world.read_first([space(50, None, Some(&assigned))]);
    world.report();
    let begin = world.store.last_seq();

    // The group that is assigned becomes one of all users.
    let Record::Group(of_all) = everyone() else {
        unreachable!("it is a group");
    };
    let second = Group {
        id: GroupId(id(18)),
        name: "all".to_owned(),
        ..of_all
    };
    world.run([Record::Group(second)], &[]);
    world.report();

    assert_eq!(world.lines(begin), ["all 1 +producer in space 50 >all"]);
}

/// Makes a tenant in which more happens while spaces are not read than fits one commit. All spaces
/// were read again. Returns it with the last entry from before spaces were switched off.
fn much_while_off() -> (World, Seq) {
    let groups = (0..60).map(|n| group(100 + n, &[]));
    let users = (0..120).map(|n| user(1_000 + n, &[], &[100 + n / 2]));
    let mut world = World::of(groups.chain(users).chain([everyone()]));
    world.read_first((0..60).map(|n| space(500 + n, None, Some(&[]))));
    world.report();
    let begin = world.store.last_seq();
    world.in_spaces = InSpaces::Ignored;
    world.report();
    world.read((0..60).map(|n| space(500 + n, None, Some(&[("group", 100 + n, "consumer")]))));
    world.report();
    world.in_spaces = InSpaces::Compared;
    world.end_reading();
    (world, begin)
}

/// Begins to report what has happened while spaces were not read, and stops after this many
/// commits.
fn stop_catching_up_after(world: &World, n_commits: usize) {
    let known = world.known();
    let mut mark = world.store.rights_mark(known.no).unwrap().unwrap();
    let behind = mark.in_spaces.expect("spaces were not read");
    mark.reported = world.store.last_seq();
    let ahead = range::of_spaces(&world.store, &known, behind.reported, mark.reported).unwrap();
    let Ahead::Changes(range) = ahead else {
        panic!("there are changes");
    };
    let mut writer = RightsWriter::begin(&world.store, &known, &range, mark).unwrap();
    writer.n_commits_left = Some(n_commits);
    let stopped = changes::gather(&world.store, &known, &range, &mut writer)
        .and_then(|()| writer.end().map(drop));
    assert!(
        matches!(stopped, Err(HistoryError::Store { .. })),
        "{n_commits}"
    );
}

#[test]
fn what_changed_while_spaces_were_not_read_is_reported_once_though_that_is_interrupted() {
    let (whole, begin) = much_while_off();
    whole.report();
    let expected = whole.lines(begin);
    assert_eq!(expected.len(), 120);

    for n_commits in [0, 1] {
        let (mut world, begin) = much_while_off();
        stop_catching_up_after(&world, n_commits);
        // Another run finds something before the rest is reported.
        world.run([user(1_000, &[1], &[100])], &[]);

        world.report();

        let mut lines = world.lines(begin);
        lines.retain(|line| line != "User 1000 +role 1 >direct");
        lines.sort();
        let mut expected = expected.clone();
        expected.sort();
        assert_eq!(lines, expected, "after {n_commits}");
        assert!(!world.report());
        assert_eq!(world.store.check().unwrap().faults, []);
    }
}

#[test]
fn what_changed_while_spaces_were_not_read_waits_for_the_end_of_a_reading() {
    let (world, begin) = much_while_off();
    let no = world.known().no;
    let mut reading = world.store.space_reading(no).unwrap();
    reading.mark.began = Some(Timestamp::from_millis(7));
    world.store.set_space_reading(no, reading.clone()).unwrap();

    world.report();
    assert_eq!(world.lines(begin), [""; 0]);

    reading.mark.began = None;
    world.store.set_space_reading(no, reading).unwrap();
    world.report();
    assert_eq!(world.lines(begin).len(), 120);
}
