//! A store of an older format is migrated to the newest with everything in it, wherever the process
//! that migrates it is stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use qlik_roster::model::{Fact, Recovery, Right, Seq, SpacePart, Timestamp};
use qlik_roster::store::{Named, Progress, RightsMark, SpaceReading, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::day;
use crate::format_1::{self, Rows};
use crate::formats::{NEWEST, sled_at};
use crate::picture::picture;
use crate::support::{Role, copy_folder, tell};
use crate::syscalls::{
    REFUSED_ONE_IN, Sorts, TORN_ONE_IN, call, meet_with, place, some, traced, try_traced,
};
use crate::trace::{End, Fault, Trace, What};
use crate::tracer;

/// The connections and endpoints that the fixture has rows of.
const CONNECTIONS: [&str; 1] = ["all"];
const ENDPOINTS: [&str; 5] = ["hr", "audit", "gone", "quiet", "weak"];

/// The keys of the rows that say which format a store has, and how much was counted in it.
const FORMAT: [u8; 2] = [0x01, 0x00];
const USAGE: [u8; 2] = [0x01, 0x03];

/// The first byte of the keys that say how far spaces were read.
const SPACE_READING: u8 = 0x91;

/// The first bytes of the keys of what is assigned to subjects, and of how far that was read.
const LICENCE: u8 = 0x95;
const LICENCE_READING: u8 = 0x96;

/// What the fixture of format 1 contains, read without the store.
static HELD: LazyLock<(Rows, Value)> = LazyLock::new(|| {
    let folder = old();
    let rows = format_1::rows(&folder.path().join("store"));
    let picture = format_1::picture(&rows);
    (rows, picture)
});

/// The calls of a migration that nothing disturbs; `None` if no process can be traced here.
static SEEN: LazyLock<Option<Sorts>> = LazyLock::new(|| {
    let Some(trace) = try_traced(Role::Migrate, old().path(), None) else {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_TRACING").is_some();
        assert!(!required, "no process can be traced here");
        println!("skipped: no process can be traced here");
        return None;
    };
    assert_eq!(
        (trace.end, &*trace.told),
        (End::Exit(0), &["migrated".to_owned()][..])
    );
    Some(Sorts::of(&trace.calls))
});

/// A fixture of a format, in a folder of its own.
pub fn fixture(format: u32, store: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = root.join(format!("tests/store/fixtures/format-{format}"));
    copy_folder(&kept, &store.join("current"));
    // It is empty, and git does not keep empty folders.
    std::fs::create_dir_all(store.join("current/blobs")).unwrap();
}

fn old() -> TempDir {
    let folder = place();
    fixture(1, &folder.path().join("store"));
    folder
}

fn open(store: &Path) -> Store {
    let opened = Store::open(store).unwrap();
    assert_eq!(opened.moved_aside, None);
    opened.store
}

#[test]
fn a_store_of_format_1_holds_the_same_after_its_migration() {
    let folder = old();
    let path = folder.path().join("store");
    let (rows, held) = &*HELD;

    let store = open(&path);

    let found = picture(&store, &CONNECTIONS, &ENDPOINTS);
    for (part, expected) in held.as_object().unwrap() {
        assert_eq!(&found[part], expected, "{part}");
    }
    assert_eq!(&found, held);
    store.close().unwrap();
    // Rows whose key and layout did not change stay the same, byte for byte.
    let turned = [[0x01, 0x00], [0x01, 0x01], [0x01, 0x03]];
    let is_kept =
        |key: &[u8]| key[0] != 0x60 && !is_delivery(key) && turned.iter().all(|other| key != other);
    let mut after = format_1::rows(&path);
    format_1::compare_plan_rows(rows, &mut after);
    for (key, value) in rows.iter().filter(|(key, _)| is_kept(key)) {
        assert_eq!(after.get(key), Some(value), "{}", hex::encode(key));
    }
    let (version, _) = format_1::opened(&[0x01, 0x00], &after[&[0x01, 0x00][..]]);
    assert_eq!(version, 1, "every version reads the row of the format");
}

/// Opens a store of a format, which migrates it. Returns its rows before and after, except for two:
/// the format, which is checked here, and how much was counted in it.
fn migrated(format: u32, look: impl FnOnce(&Store)) -> (Rows, Rows) {
    let folder = place();
    let path = folder.path().join("store");
    fixture(format, &path);
    let mut before = format_1::rows(&path);

    let store = open(&path);
    look(&store);
    store.close().unwrap();

    let mut after = format_1::rows(&path);
    format_1::compare_plan_rows(&before, &mut after);
    let (_, payload) = format_1::opened(&FORMAT, &after[&FORMAT[..]]);
    assert_eq!(u32::from(payload[0]), NEWEST);
    for rows in [&mut before, &mut after] {
        assert!(rows.remove(&FORMAT[..]).is_some());
        rows.remove(&USAGE[..]);
    }
    let checked = Store::check_at(&path).unwrap();
    assert_eq!((checked.format, checked.faults), (NEWEST, Vec::new()));
    (before, after)
}

/// Entries, records and runs keep their keys and values, except for what later formats add. The
/// head has a version now.
#[test]
fn a_store_of_format_2_is_the_same_to_the_byte_but_for_its_head() {
    let (mut before, mut after) = migrated(2, |store| {
        let first = store.first_seq().unwrap();
        let (first, last) = (
            store.entry(first).unwrap().unwrap(),
            store.entry(store.last_seq()).unwrap().unwrap(),
        );
        let old_id = last.event_id(store.id());
        assert_eq!((first.stamp, last.stamp, old_id.digest), (None, None, None));
    });

    let head = [0x01, 0x01];
    let (was, is) = [&mut before, &mut after]
        .map(|rows| rows.remove(&head[..]).unwrap())
        .into();
    let (_, payload) = format_1::opened(&head, &was);
    let old: (u64, u64, i64) = postcard::from_bytes(payload).unwrap();
    let (format, payload) = format_1::opened(&head, &is);
    let new: (u64, u64, i64, u64) = postcard::from_bytes(payload).unwrap();
    assert_eq!((format, new), (3, (old.0, old.1, old.2, old.1)));
    compare_deliveries(&mut before, &mut after);
    compare_runs(&mut before, &mut after);
    assert_eq!(after, before);
}

/// No key and no value changes but for what later formats add; findings may be accepted now.
#[test]
fn a_store_of_format_3_is_the_same_to_the_byte() {
    let (mut before, mut after) = migrated(3, |store| {
        let no = store.tenants().unwrap()[0].no;
        assert_eq!(store.accepted(no).unwrap(), BTreeMap::new());
    });

    compare_deliveries(&mut before, &mut after);
    compare_runs(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Deliveries may be about one user of a list now, and what users hold is compared from the end of
/// the journal on. Nothing else changes but for what later formats add.
#[test]
fn a_store_of_format_4_is_the_same_to_the_byte_but_for_its_deliveries() {
    let (mut before, mut after) = migrated(4, |store| {
        let last = store.last_seq();
        for known in store.tenants().unwrap() {
            let mark = store.rights_mark(known.no).unwrap();
            assert_eq!(mark, known.loaded.map(|_| RightsMark::reported(last)));
        }
    });

    compare_deliveries(&mut before, &mut after);
    compare_runs(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Runs may say what was read of spaces now. Nothing else changes but for what later formats add.
#[test]
fn a_store_of_format_5_is_the_same_to_the_byte_but_for_its_runs() {
    let (mut before, mut after) = migrated(5, |store| {
        for known in store.tenants().unwrap() {
            assert_eq!(store.spaces(known.no, None, 1).unwrap(), []);
            let reading = store.space_reading(known.no).unwrap();
            assert_eq!(reading, SpaceReading::default());
            assert_eq!(store.space_todo(known.no).unwrap(), []);
        }
    });

    compare_runs(&mut before, &mut after);
    compare_marks(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Sessions are known from the first poll on that reads them. No key and no value changes but for
/// what later formats add.
#[test]
fn a_store_of_format_6_is_the_same_to_the_byte() {
    let (mut before, mut after) = migrated(6, |store| {
        for known in store.tenants().unwrap() {
            let bookmark = store.bookmark(known.no).unwrap();
            assert_eq!(bookmark.and_then(|bookmark| bookmark.sessions_since), None);
        }
    });

    compare_runs(&mut before, &mut after);
    compare_readings(&mut before, &mut after);
    compare_marks(&mut before, &mut after);
    compare_spaces(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Rights in spaces are compared from the end of the journal on. Entries keep their bytes, and so
/// does everything else.
#[test]
fn a_store_of_format_7_is_the_same_to_the_byte_but_for_how_far_spaces_were_read() {
    let (mut before, mut after) = migrated(7, |store| {
        let last = store.last_seq();
        for known in store.tenants().unwrap() {
            let reading = store.space_reading(known.no).unwrap();
            assert_eq!(reading.since, reading.first.map(|_| last));
        }
        let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
        let rights: Vec<Right> = entries
            .filter_map(|entry| match entry.fact {
                Fact::RightChanged(right) => Some(right.right),
                _ => None,
            })
            .collect();
        assert_eq!(rights.len(), 3);
        assert!(
            rights.iter().all(|right| right.role().is_some()),
            "{rights:?}"
        );
    });

    compare_runs(&mut before, &mut after);
    compare_licences(&mut before, &mut after);
    compare_readings(&mut before, &mut after);
    compare_marks(&mut before, &mut after);
    compare_spaces(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Runs can now say what they read of a licence, and the marks of licences say more. A list of a
/// space that was not visible as a whole when we last looked counts as never visible as a whole.
/// Apart from what format 9 adds, nothing else changes.
#[test]
fn a_store_of_format_8_is_the_same_to_the_byte_but_for_runs_licences_and_spaces() {
    let (mut before, mut after) = migrated(8, |store| {
        let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
        assert!(entries.into_iter().any(|entry| entry.reported.is_some()));
        let known = store.tenants().unwrap().remove(0);
        let reading = store.licence_reading(known.no).unwrap();
        assert_eq!((reading.unreadable, reading.unreadable_so_far), (1, 1));
        assert_eq!((reading.listed_so_far, reading.failures), (None, 0));
        assert_eq!((reading.complete, reading.unconfirmed), (0, 0));
        assert_eq!((reading.kept, reading.earlier), (2, None));
        assert_eq!(reading.named, Named::default());
        assert_eq!(reading.head.number.as_deref(), Some("9999000000001234"));
        let spaces = store
            .spaces(known.no, None, usize::MAX)
            .unwrap()
            .into_iter();
        let partial: Vec<_> = spaces.map(|kept| kept.space.partial).collect();
        assert_eq!(
            partial,
            [[SpacePart::Assignments].into(), BTreeSet::new()],
            "of the first, nothing is visible"
        );
    });

    compare_runs(&mut before, &mut after);
    compare_licences(&mut before, &mut after);
    compare_readings(&mut before, &mut after);
    compare_marks(&mut before, &mut after);
    compare_spaces(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Compares the rows about licences with those of format 10, and removes them from both.
fn compare_licences(before: &mut Rows, after: &mut Rows) {
    let is_licence = |key: &[u8]| [LICENCE, LICENCE_READING].contains(&key[0]);
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| is_licence(key)) {
        let (old, was) = format_1::opened(key, value);
        let (new, is) = format_1::opened(key, &after[key]);
        assert_eq!(new, 10);
        let (kept, added) = match (key[0], old) {
            // Nothing was shown since, and nothing has changed.
            (LICENCE, 7) => (was.to_vec(), vec![0, 0]),
            // How many assignments were unreadable is there twice, and more ends follow.
            (LICENCE_READING, 7) => {
                let (was, [unreadable, kept]) = was.split_last_chunk().unwrap();
                let ends = [*unreadable, *unreadable, *kept, 0, 0, 0, 0];
                ([was, &ends].concat(), new_ends())
            }
            (LICENCE_READING, 9) => (was.to_vec(), new_ends()),
            other => panic!("{other:?}"),
        };
        assert_eq!(is, [kept, added].concat(), "{}", hex::encode(key));
        n_compared += 1;
    }
    assert!(n_compared > 1);
    for rows in [before, after] {
        rows.retain(|key, _| !is_licence(key));
    }
}

/// Returns what format 10 adds to how far a licence was read: nothing was counted or confirmed, no
/// first reading has ended, and the assignments are those of the licence with the known number.
fn new_ends() -> Vec<u8> {
    let licence = Some("9999000000001234");
    let ends = (None::<u64>, [0_u64; 3], None::<i64>, licence);
    postcard::to_stdvec(&ends).unwrap()
}

/// Licences have a history now, which begins with the next complete reading. Nothing else changes.
#[test]
fn a_store_of_format_9_is_the_same_to_the_byte_but_for_licences() {
    let (mut before, mut after) = migrated(9, |store| {
        let known = store.tenants().unwrap().remove(0);
        let reading = store.licence_reading(known.no).unwrap();
        assert_eq!((reading.unreadable, reading.unreadable_so_far), (1, 3));
        assert_eq!((reading.listed_so_far, reading.failures), (None, 0));
        assert_eq!((reading.complete, reading.unconfirmed), (0, 0));
        assert_eq!(reading.kept, 2);
        assert_eq!(reading.earlier.map(|it| it.began), Some(day(97)));
        assert_eq!(reading.named.times, 1);
        assert_eq!(
            (reading.first, &reading.licence),
            (None, &reading.head.number)
        );
        let kept = store.licences(known.no, None, usize::MAX).unwrap();
        assert!(kept.iter().all(|kept| kept.changed_at.is_none()));
        let n_assigned = kept.iter().map(|kept| kept.assignments.len());
        assert_eq!((kept.len(), n_assigned.sum::<usize>()), (2, 3));
    });

    compare_licences(&mut before, &mut after);
    assert_eq!(after, before);
}

/// Compares the marks that say how far rights were compared with those of format 9, and removes
/// them from both. The new ones also say that rights in spaces were compared as far.
fn compare_marks(before: &mut Rows, after: &mut Rows) {
    let is_mark = |key: &[u8]| key[0] == 0x72;
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| is_mark(key)) {
        let (old, was) = format_1::opened(key, value);
        let (new, is) = format_1::opened(key, &after[key]);
        assert_eq!((old, new), (5, 9));
        assert_eq!(is, [was, &[0]].concat(), "{}", hex::encode(key));
        n_compared += 1;
    }
    assert!(n_compared > 0);
    for rows in [before, after] {
        rows.retain(|key, _| !is_mark(key));
    }
}

/// Compares the formats of the rows of spaces, and removes these rows from both. What they contain
/// is compared through the store.
fn compare_spaces(before: &mut Rows, after: &mut Rows) {
    let is_space = |key: &[u8]| key[0] == 0x90;
    for (key, value) in before.iter().filter(|(key, _)| is_space(key)) {
        assert_eq!((value[0], after[key][0]), (6, 9), "{}", hex::encode(key));
    }
    for rows in [before, after] {
        rows.retain(|key, _| !is_space(key));
    }
}

/// Compares the rows that say how far spaces were read with those of format 9, and removes them
/// from both. The new ones end with the entry from which on rights in spaces are compared, how many
/// spaces could not be read, and which spaces were removed.
fn compare_readings(before: &mut Rows, after: &mut Rows) {
    let is_reading = |key: &[u8]| key[0] == SPACE_READING;
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| is_reading(key)) {
        let (old, was) = format_1::opened(key, value);
        let (new, is) = format_1::opened(key, &after[key]);
        assert_eq!(new, 9);
        let added = is.strip_prefix(was).expect("it begins as it was");
        if old == 6 {
            let (since, n_unread, removed): (Option<u64>, u64, Vec<String>) =
                postcard::from_bytes(added).unwrap();
            assert!(since.is_some() && n_unread == 0, "{}", hex::encode(key));
            assert!(removed.is_empty());
        } else {
            assert_eq!((old, added), (8, &[0][..]), "{}", hex::encode(key));
        }
        n_compared += 1;
    }
    assert!(n_compared > 0);
    for rows in [before, after] {
        rows.retain(|key, _| !is_reading(key));
    }
}

/// Compares the rows of runs with those of format 9, and removes them from both. The new ones say
/// that nothing was read of the licence and, if they are older than format 6, of spaces.
fn compare_runs(before: &mut Rows, after: &mut Rows) {
    let is_run = |key: &[u8]| key[0] == 0x61;
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| is_run(key)) {
        let (old, was) = format_1::opened(key, value);
        let (new, is) = format_1::opened(key, &after[key]);
        let more: &[u8] = match (old, new) {
            (2, 9) => &[0, 0],
            (6, 9) => &[0],
            other => panic!("{other:?}"),
        };
        assert_eq!(is, [was, more].concat(), "{}", hex::encode(key));
        n_compared += 1;
    }
    assert!(n_compared > 0);
    before.retain(|key, _| !is_run(key));
    after.retain(|key, _| !is_run(key));
}

/// Returns whether format 5 has another layout for a row.
fn is_delivery(key: &[u8]) -> bool {
    matches!(key[0], 0x50 | 0x51 | 0x55)
}

/// Compares the rows of deliveries with those of format 5 and removes them from both, along with
/// the marks that format 5 adds.
fn compare_deliveries(before: &mut Rows, after: &mut Rows) {
    let mut n_compared = 0;
    for (key, value) in before.iter().filter(|(key, _)| is_delivery(key)) {
        let (old, was) = format_1::opened(key, value);
        let (new, is) = format_1::opened(key, &after[key]);
        assert_eq!((old, new), (1, 5));
        match key[0] {
            // A cursor says that it is in no list. What else it says is compared by its picture.
            0x50 => assert_eq!(is.len(), was.len() + 1),
            _ => assert_eq!(is, was, "{}", hex::encode(key)),
        }
        n_compared += 1;
    }
    assert!(n_compared > 0);
    before.retain(|key, _| !is_delivery(key));
    after.retain(|key, _| !is_delivery(key) && key[0] != 0x72);
}

/// Entries that an older version wrote keep their ids. Later ones have ids that are bound to their
/// content, and higher versions than all before.
#[test]
fn entries_behind_a_migration_have_versions_that_go_up() {
    let folder = place();
    let path = folder.path().join("store");
    fixture(2, &path);
    let store = open(&path);
    let last = store.last_seq();
    let mut log = store.attempt_log(&crate::fixture::hook("hr")).unwrap();
    let cursor = store.cursor(&crate::fixture::hook("hr")).unwrap().unwrap();
    let told = |millis| Progress {
        fact: Some((
            Timestamp::from_millis(millis),
            Fact::Recovered(Recovery::Sync),
        )),
        ..Progress::of(cursor.clone())
    };

    for millis in [1, 1] {
        let written = store.save_progress(&crate::fixture::hook("hr"), &mut log, told(millis));
        written.unwrap();
    }

    let entries = store.entries(last, 9).unwrap();
    let old = store.entry(last).unwrap().unwrap();
    let ids: Vec<String> = [&old, &entries[0], &entries[1]]
        .map(|entry| entry.event_id(store.id()).to_string())
        .to_vec();
    assert_eq!(ids[0].matches('_').count(), 2, "{ids:?}");
    assert!(
        ids[1..].iter().all(|id| id.matches('_').count() == 3),
        "{ids:?}"
    );
    assert_eq!(old.version().0, last.0);
    assert!(entries[0].version() > old.version());
    assert_eq!(entries[1].version().0, entries[0].version().0 + 1);
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
}

#[test]
fn a_migrated_store_is_sound_and_is_worked_with() {
    let folder = old();
    let path = folder.path().join("store");
    let before = Store::check_at(&path).unwrap();
    assert_eq!((before.format, &*before.faults), (1, &[][..]));

    let store = open(&path);

    let live = store.check().unwrap();
    assert_eq!(live.faults, []);
    assert_eq!(
        (live.records, live.entries),
        (before.records, before.entries)
    );
    let (_, held) = &*HELD;
    let last = held["runs"].as_object().unwrap().len() as u64;
    let interrupted = store.close_interrupted_runs(day(101)).unwrap();
    assert_eq!(interrupted.len(), 2);
    let begun = crate::fixture::begin_one(&store).unwrap();
    assert_eq!(begun.id.0, last + 1, "numbers go on");
    let sweep = store.last_sweep(&begun.tenant_name).unwrap().unwrap();
    assert_eq!(sweep.id.0, 7, "the last whole sweep is known");
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
    let after = Store::check_at(&path).unwrap();
    assert_eq!(
        (after.format, &*after.faults),
        (after.newest_format, &[][..])
    );
}

#[test]
fn a_value_that_only_the_migration_meets_damaged_costs_nobody_the_store() {
    let folder = old();
    let path = folder.path().join("store");
    let run = [&[0x60][..], &3_u64.to_be_bytes()].concat();
    let flip = || {
        let db = sled_at(&path);
        let mut value = db.get(&run).unwrap().unwrap().to_vec();
        value[5] ^= 1;
        db.insert(&*run, value).unwrap();
        db.flush().unwrap();
    };
    flip();

    let refused = Store::open(&path).unwrap_err();

    assert_eq!(refused.code(), "store.failed");
    assert!(
        refused.to_string().contains("from format 1 to 2"),
        "{refused}"
    );
    let found = Store::check_at(&path).unwrap();
    assert_eq!(found.format, 1);
    let found: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["a run: its checksum does not hold"]);
    assert!(!path.join("damaged-1").exists() && !path.join("compacting").exists());
    flip();
    verify(folder.path());
}

#[test]
fn a_kill_at_any_call_of_a_migration_loses_nothing() {
    let Some(seen) = &*SEEN else { return };
    for sort in [
        call("rename", "store/current"),
        call("rename", "store/compacting"),
        call("rename", "store/replaced"),
        call("unlink", "store/discarded/db"),
        call("rmdir", "store/discarded"),
    ] {
        assert!(seen.0.contains_key(&sort), "{sort} of {:?}", seen.0.keys());
    }

    let met = meet_with(
        Role::Migrate,
        &old,
        seen.faults(What::Kill, 1),
        |folder, trace| {
            assert_eq!(trace.end, End::Killed);
            verify(folder);
        },
    );

    met.print("killed at");
}

#[test]
fn a_kill_in_the_middle_of_any_write_of_a_migration_loses_nothing() {
    let Some(seen) = &*SEEN else { return };
    let mut faults = seen.faults(What::Tear, some(TORN_ONE_IN));
    faults.retain(|fault| fault.on.writes());

    let met = meet_with(Role::Migrate, &old, faults, |folder, _| verify(folder));

    met.print("killed in the middle of");
}

/// At how many calls of an opening after a killed migration it is killed in an ordinary run: one in
/// so many. The calls grow with the number of formats, and each of six kills has its own opening.
const AGAIN_ONE_IN: usize = 8;

/// Each of these leaves something else for the next opening: nothing yet, a part of the copy, all
/// of it, no store in its place, both stores, or the old one half removed.
#[test]
fn a_kill_at_any_call_of_the_opening_after_a_killed_migration_loses_nothing() {
    let Some(seen) = &*SEEN else { return };
    let mut first = vec![
        (call("mkdir", "store/compacting"), 1),
        (call("pwrite", "store/compacting/db"), 2),
        (call("rename", "store/current"), 1),
        (call("rename", "store/compacting"), 1),
        (call("rename", "store/replaced"), 1),
        (call("unlink", "store/discarded/db"), 1),
    ];
    if *crate::syscalls::IS_LONG {
        let all = seen.faults(What::Kill, 1).into_iter();
        first = all.map(|fault| (fault.on, fault.at)).collect();
    }
    for (on, at) in first {
        let fault = Fault {
            what: What::Kill,
            on,
            at,
        };
        let killed = old();
        let trace = traced(Role::Migrate, killed.path(), Some(&fault));
        assert!(trace.has_struck, "{fault:?} of {:?}", seen.0);
        let again = || {
            let folder = place();
            copy_folder(killed.path(), folder.path());
            folder
        };
        let opening = traced(Role::Migrate, again().path(), None);
        let faults = Sorts::of(&opening.calls).faults(What::Kill, some(AGAIN_ONE_IN));

        let met = meet_with(Role::Migrate, &again, faults, |folder, _| verify(folder));

        met.print(&format!(
            "killed at {} {at}, then, at the opening, at",
            fault.on
        ));
    }
}

#[test]
fn a_migration_of_which_a_call_fails_leaves_the_store_as_it_was() {
    let Some(seen) = &*SEEN else { return };
    let mut faults = seen.faults(What::Refuse, some(REFUSED_ONE_IN));
    let full = seen.faults(What::Fill, 1).into_iter();
    faults.extend(full.filter(|fault| fault.on.takes_space()));

    let met = meet_with(Role::Migrate, &old, faults, |folder, trace| {
        check_end(trace);
        verify(folder);
    });

    met.print("refused, or no room from");
}

/// Checks that the store was migrated all the same, or that the child told why not.
fn check_end(trace: &Trace) {
    assert_eq!(trace.end, End::Exit(0));
    let last = trace.told.last().map(String::as_str);
    let is_expected = matches!(last, Some("migrated" | "store.io" | "store.failed"));
    assert!(is_expected, "{last:?}");
}

/// Compares the store, migrated or not, with what the old one contained.
fn verify(folder: &Path) {
    let path = folder.join("store");

    let store = open(&path);

    assert_eq!(picture(&store, &CONNECTIONS, &ENDPOINTS), HELD.1);
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
    for name in ["compacting", "replaced", "discarded"] {
        assert!(!path.join(name).exists(), "{name}");
    }
}

/// Opens a store, which migrates it, and tells the outcome.
pub fn migrate(folder: &Path) {
    tracer::let_trace();
    match Store::open(folder) {
        Ok(opened) => {
            assert_eq!(opened.moved_aside, None);
            match opened.store.close() {
                Ok(()) => tell("migrated"),
                Err(error) => tell(error.code()),
            }
        }
        Err(refused) => tell(refused.code()),
    }
}
