//! Spaces: stored with the entry that reports their change, and noted until they are read again.

use crate::clock::Clock;
use crate::model::{
    Assignee, Fact, Found, Id, RunId, Seq, Space, SpaceAssignment, SpaceChange, SpaceHead, SpaceId,
    SpacePart, SpaceShare, Timestamp,
};
use crate::store::layout::v6::space as v6;
use crate::store::layout::{codec, keys, v9};
use crate::store::values::reading::ReadingMark;
use crate::store::values::space::{
    KeptSpace, SpaceDoubt, SpaceDoubts, SpaceNote, SpaceReading, SpaceReport, SpaceTodo, SpaceWrite,
};
use crate::store::values::tenant_no::TenantNo;

use super::salvage::salvaged;
use super::support::{self, account, adopt, in_hex};

fn id(n: u8) -> Id {
    Id::parse(&format!("60d5ca1b2f8a4c00000000{n:02x}")).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn space(n: u8, role: &str) -> Space {
    let assignment = SpaceAssignment {
        roles: [role.to_owned()].into(),
        created_at: Some(at(1_000)),
        created_by: Some(id(8)),
        updated_at: None,
    };
    let assignee = Assignee {
        sort: "group".into(),
        id: id(7),
    };
    let share = SpaceShare {
        sort: "link".into(),
        with: None,
        roles: ["basicconsumer".to_owned()].into(),
        resource: Some("app".into()),
        resource_sort: Some("app".into()),
        is_disabled: true,
        created_at: None,
        created_by: None,
    };
    Space {
        id: SpaceId(id(n)),
        head: SpaceHead {
            name: "Sales".into(),
            sort: Some("shared".into()),
            owner: None,
            created_at: Some(at(500)),
            unseen: [SpacePart::Shares].into(),
        },
        assignments: Some([(assignee, assignment)].into()),
        shares: Some([(id(9), share)].into()),
        partial: [SpacePart::Shares].into(),
    }
}

pub(super) fn kept(n: u8, role: &str) -> KeptSpace {
    KeptSpace {
        space: space(n, role),
        reading: 7,
        changed_at: None,
    }
}

fn todo(n: u8, notes: u64, said: SpaceNote) -> SpaceTodo {
    SpaceTodo {
        id: SpaceId(id(n)),
        notes,
        is_gone: said == SpaceNote::Deleted,
    }
}

#[test]
fn the_bytes_of_spaces() {
    let no = TenantNo(1);
    let key = keys::space(no, &SpaceId(id(1)));
    let row = v9::space::SpaceRow::from(kept(1, "producer"));
    insta::assert_snapshot!(in_hex(&key), @"90000000010060d5ca1b2f8a4c0000000001");
    insta::assert_snapshot!(in_hex(&codec::packed_row(&key, &row)), @"09018b000000f91b0d0060d5ca1b2f8a4c00000000010553616c657301067368617265640001e807010201010567726f75702a00f90007010870726f647563657201d00f0146003a0800011100f20c09046c696e6b00010d6261736963636f6e73756d65720103617070050060000001020700184cbca397a43d06");
    let reading = SpaceReading {
        mark: ReadingMark {
            number: 7,
            last: Some(at(2)),
            began: None,
            tried: Some(at(3)),
            is_refused: true,
        },
        first: Some(at(1)),
        since: Some(Seq(300)),
        n_unread: 4,
        removed: [SpaceId(id(3))].into(),
    };
    let row = v9::space::SpaceReading::from(reading);
    insta::assert_snapshot!(in_hex(&codec::row(&keys::space_reading(no), &row)), @"0907010201040001060101ac0204010d0060d5ca1b2f8a4c00000000034a15eb694b4d732f");
    let key = keys::space_todo(no, &SpaceId(id(1)));
    let row = v6::SpaceTodo {
        notes: 3,
        is_gone: true,
    };
    insta::assert_snapshot!(in_hex(&codec::row(&key, &row)), @"060301a3f30b197bbff08b");
    assert_eq!(keys::space_of(&key), Some(SpaceId(id(1))));
    let key = keys::space_doubts(no, &SpaceId(id(1)));
    let row = v9::space_doubts::SpaceDoubts::from(&doubts());
    insta::assert_snapshot!(in_hex(&codec::row(&key, &row)), @"09010207ac02d579a71ac98a2cf5");
    assert_eq!(keys::space_of(&key), Some(SpaceId(id(1))));
}

fn doubts() -> SpaceDoubts {
    let doubt = SpaceDoubt {
        reading: 7,
        lost: 300,
    };
    [(SpacePart::Shares, doubt)].into()
}

#[test]
fn doubts_about_the_lists_of_a_space_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let (one, other) = (SpaceId(id(1)), SpaceId(id(2)));

    store.set_space_doubts(no, &one, &doubts()).unwrap();

    assert_eq!(store.space_doubts(no, &one).unwrap(), doubts());
    assert_eq!(store.space_doubts(no, &other).unwrap(), SpaceDoubts::new());
    let none = SpaceDoubts::new();
    store.set_space_doubts(no, &one, &none).unwrap();
    assert_eq!(store.space_doubts(no, &one).unwrap(), none);
}

#[test]
fn a_space_its_entry_and_the_end_of_its_note_are_one_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let other = adopt(&store, 2).no;
    for n in [2, 1] {
        let write = SpaceWrite::Keep(kept(n, "consumer"));
        store.write_space(no, write, None, None).unwrap();
    }
    store
        .note_spaces(
            no,
            [
                (SpaceId(id(1)), SpaceNote::Changed),
                (SpaceId(id(2)), SpaceNote::Deleted),
            ],
        )
        .unwrap();
    let before = store.last_seq();
    let change = SpaceChange::between(
        Some(&space(1, "consumer")),
        Some(&space(1, "producer")),
        Found::New,
    );
    let change = change.unwrap();
    let told = SpaceReport {
        run: RunId(4),
        at: at(3_000),
        account: account(),
        change: change.clone(),
    };

    let write = SpaceWrite::Keep(kept(1, "producer"));
    store
        .write_space(no, write, Some(told), Some(&todo(1, 1, SpaceNote::Changed)))
        .unwrap();

    store.close().unwrap();
    let store = support::open(dir.path());
    let told = store.entries(before, 10).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].fact, Fact::SpaceChanged(change));
    assert_eq!(told[0].run(), Some(RunId(4)));
    assert_eq!(
        store.space_todo(no).unwrap(),
        [todo(2, 1, SpaceNote::Deleted)]
    );
    let all = [kept(1, "producer"), kept(2, "consumer")];
    assert_eq!(store.spaces(no, None, 10).unwrap(), all);
    assert_eq!(
        store.spaces(no, Some(&SpaceId(id(1))), 10).unwrap(),
        all[1..]
    );
    assert_eq!(store.spaces(other, None, 10).unwrap(), []);
    let remove = SpaceWrite::Remove(SpaceId(id(2)));
    store
        .write_space(no, remove, None, Some(&todo(2, 1, SpaceNote::Deleted)))
        .unwrap();
    assert_eq!(store.space(no, &SpaceId(id(2))).unwrap(), None);
    assert_eq!(store.space_todo(no).unwrap(), []);
}

#[test]
fn an_entry_says_whether_a_space_is_new_or_was_found_late() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let before = store.last_seq();
    for (n, found) in [(1, Found::New), (2, Found::Late)] {
        let change = SpaceChange::between(None, Some(&space(n, "consumer")), found).unwrap();
        let told = SpaceReport {
            run: RunId(4),
            at: at(3_000),
            account: account(),
            change,
        };
        let write = SpaceWrite::Keep(kept(n, "consumer"));
        store.write_space(no, write, Some(told), None).unwrap();
    }

    let entries = store.entries(before, 10).unwrap().into_iter();
    let became_visible = entries.map(|entry| match entry.fact {
        Fact::SpaceChanged(change) => change.became_visible(),
        other => panic!("{other:?}"),
    });

    assert_eq!(became_visible.collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_space_is_new_if_it_was_created_after_the_last_reading_began() {
    let hour = 3_600_000;
    let mut reading = SpaceReading {
        mark: ReadingMark {
            last: Some(at(hour)),
            ..ReadingMark::default()
        },
        ..SpaceReading::default()
    };
    reading.note_removed([SpaceId(id(2))]);
    for (n, created_at, expected) in [
        (1, Some(at(hour + 1)), Found::New),
        // The clocks of the source and ours may differ a little.
        (1, Some(at(hour - 60_000)), Found::New),
        (1, Some(at(1)), Found::Late),
        (1, None, Found::Late),
        // This space was removed before, and its rights revoked, so what it has now is new.
        (2, Some(at(1)), Found::New),
    ] {
        let found = reading.found(&SpaceId(id(n)), created_at);

        assert_eq!(found, expected, "{n}, {created_at:?}");
    }
}

#[test]
fn the_spaces_that_were_removed_first_are_forgotten_first() {
    let mut reading = SpaceReading::default();
    let id = |n: u32| Id::parse(&format!("{n:024x}")).unwrap();
    let all = |ids: std::ops::Range<u32>| ids.map(|n| SpaceId(id(n)));
    // Ids say nothing about the order of removals.
    reading.note_removed(all(2_000..2_500));
    reading.note_removed(all(0..500));
    reading.note_removed(all(2_000..2_010));
    reading.note_removed(all(1_000..1_005));

    let is_known = |n: u32| reading.removed.contains(&SpaceId(id(n)));
    assert_eq!(reading.removed.len(), 1_000);
    for (n, expected) in [
        (2_005, true),
        (2_010, false),
        (2_014, false),
        (2_015, true),
        (0, true),
        (1_004, true),
    ] {
        assert_eq!(is_known(n), expected, "{n}");
    }
}

#[test]
fn a_space_that_was_noted_again_while_it_was_read_is_read_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let note = |said| store.note_spaces(no, [(SpaceId(id(1)), said)]).unwrap();
    note(SpaceNote::Deleted);
    let begun = store.space_todo(no).unwrap().remove(0);
    note(SpaceNote::Changed);

    let write = SpaceWrite::Keep(kept(1, "consumer"));
    store.write_space(no, write, None, Some(&begun)).unwrap();
    store.forget_space_todo(no, &begun).unwrap();

    // A deletion that was reported stays reported.
    assert_eq!(
        store.space_todo(no).unwrap(),
        [todo(1, 2, SpaceNote::Deleted)]
    );
    store
        .forget_space_todo(no, &todo(1, 2, SpaceNote::Deleted))
        .unwrap();
    assert_eq!(store.space_todo(no).unwrap(), []);
}

/// Some spaces may be lost: nothing is known about spaces until all were read again.
#[test]
fn a_salvaged_store_has_the_spaces_but_not_how_far_they_were_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    let write = SpaceWrite::Keep(kept(1, "consumer"));
    store.write_space(no, write, None, None).unwrap();
    let noted = [(SpaceId(id(2)), SpaceNote::Changed)];
    store.note_spaces(no, noted).unwrap();
    let reading = SpaceReading {
        mark: ReadingMark {
            number: 7,
            last: Some(at(5)),
            ..ReadingMark::default()
        },
        first: Some(at(5)),
        ..SpaceReading::default()
    };
    store.set_space_reading(no, reading).unwrap();
    store.close().unwrap();

    let store = salvaged(dir.path(), &Clock::system());

    assert_eq!(store.spaces(no, None, 9).unwrap(), [kept(1, "consumer")]);
    assert_eq!(
        store.space_todo(no).unwrap(),
        [todo(2, 1, SpaceNote::Changed)]
    );
    assert_eq!(store.space_reading(no).unwrap(), SpaceReading::default());
    store.close().unwrap();
}

#[test]
fn how_far_spaces_were_read_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let no = adopt(&store, 1).no;
    assert_eq!(store.space_reading(no).unwrap(), SpaceReading::default());
    let reading = SpaceReading {
        mark: ReadingMark {
            began: Some(at(5)),
            ..ReadingMark::default()
        },
        ..SpaceReading::default()
    };

    store.set_space_reading(no, reading.clone()).unwrap();
    store.close().unwrap();

    let store = support::open(dir.path());
    assert_eq!(store.space_reading(no).unwrap(), reading);
    let faults = store.check().unwrap().faults;
    assert_eq!(faults, []);
}

#[test]
fn that_all_spaces_are_due_is_forgotten_unless_it_is_noted_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = support::open(folder.path());
    let known = adopt(&store, 1);
    assert_eq!(store.noted_all_spaces(known.no).unwrap(), 0);

    store.note_all_spaces(known.no).unwrap();
    store.note_all_spaces(known.no).unwrap();
    store.forget_all_spaces(known.no, 1).unwrap();
    assert_eq!(store.noted_all_spaces(known.no).unwrap(), 2);
    assert_eq!(store.check().unwrap().faults, []);

    let key = keys::spaces_due(known.no);
    let row = v9::spaces_due::SpacesDue { notes: 2 };
    insta::assert_snapshot!(in_hex(&codec::row(&key, &row)), @"0902367e480bfa8f01a5");

    store.forget_all_spaces(known.no, 2).unwrap();
    assert_eq!(store.noted_all_spaces(known.no).unwrap(), 0);
    store.close().unwrap();
}
