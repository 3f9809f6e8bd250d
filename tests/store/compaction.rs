//! A compaction is killed at every write, sync and rename, has writes torn and calls refused, and
//! runs into a full disk: the store contains the same, whatever the last step was.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use qlik_roster::store::Store;

use crate::script::Player;
use crate::support::{Role, copy_folder, tell};
use crate::syscalls::{
    REFUSED_ONE_IN, Sorts, TORN_ONE_IN, TRUTH, call, meet_with, place, some, traced, try_traced,
};
use crate::trace::{Call, End, Trace, What};
use crate::tracer;

/// A closed store, after the whole script.
static PLAYED: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = place();
    let mut player = Player::open(&folder.path().join("store")).unwrap();
    for step in &TRUTH.steps {
        player.play(step.clone()).unwrap();
    }
    player.store.close().unwrap();
    folder
});

/// The calls of a compaction that nothing disturbs; `None` if no process can be traced here.
static SEEN: LazyLock<Option<Sorts>> = LazyLock::new(|| {
    let trace = try_traced(Role::Compact, played().path(), None)?;
    assert_eq!(
        (trace.end, &*trace.told),
        (End::Exit(0), &["compacted".to_owned()][..])
    );
    Some(Sorts::of(&trace.calls))
});

#[test]
fn a_kill_at_any_call_of_a_compaction_loses_nothing() {
    let Some(seen) = &*SEEN else { return };
    for sort in [
        call("rename", "store/current"),
        call("rename", "store/compacting"),
        call("rename", "store/replaced"),
    ] {
        assert!(seen.0.contains_key(&sort), "{sort} of {:?}", seen.0.keys());
    }

    let met = meet_with(
        Role::Compact,
        &played,
        seen.faults(What::Kill, 1),
        |folder, trace| {
            assert_eq!(trace.end, End::Killed);
            verify(folder);
        },
    );

    met.print("killed at");
}

#[test]
fn what_takes_the_place_of_the_store_was_synced_before() {
    if SEEN.is_none() {
        return;
    }
    let trace = traced(Role::Compact, played().path(), None);
    let taken = call("rename", "store/compacting");
    let taken = trace.calls.iter().position(|call| *call == taken).unwrap();
    let before = &trace.calls[..taken];
    let last = |file: &str, is: &dyn Fn(&Call) -> bool| {
        let of = |call: &Call| call.file == file && is(call);
        before.iter().rposition(of)
    };
    let files: BTreeSet<&str> = before.iter().map(|call| call.file.as_str()).collect();
    let files = files
        .iter()
        .filter(|file| file.starts_with("store/compacting/"));
    let mut n_synced = 0;
    for file in files {
        let written = last(file, &|call| call.writes() || call.name == "make");
        let synced = last(file, &|call| matches!(call.name, "fsync" | "fdatasync"));
        // A file that has another name by now, or none, does not belong to the store any more.
        let gone = last(file, &|call| matches!(call.name, "rename" | "unlink"));
        assert!(synced >= written || gone > written, "{file}");
        n_synced += usize::from(synced.is_some());
    }
    // The log, the settings, a snapshot, a large value, the mark, and the names of all these.
    assert!(n_synced >= 5, "{n_synced}");
    let folder = last("store/compacting", &|call| call.name == "fsync");
    let moved = last("store/current", &|call| call.name == "rename");
    let parent = last("store", &|call| call.name == "fsync");
    assert!(folder < moved && moved < parent);
}

#[test]
fn a_kill_in_the_middle_of_any_write_of_a_compaction_loses_nothing() {
    let Some(seen) = &*SEEN else { return };
    let mut faults = seen.faults(What::Tear, some(TORN_ONE_IN));
    faults.retain(|fault| fault.on.writes());

    let met = meet_with(Role::Compact, &played, faults, |folder, _| verify(folder));

    met.print("killed in the middle of");
}

#[test]
fn a_compaction_of_which_a_call_fails_leaves_the_store_as_it_was() {
    let Some(seen) = &*SEEN else { return };
    let mut faults = seen.faults(What::Refuse, 1);
    let full = seen.faults(What::Fill, some(REFUSED_ONE_IN)).into_iter();
    faults.extend(full.filter(|fault| fault.on.takes_space()));

    let met = meet_with(Role::Compact, &played, faults, |folder, trace| {
        check_end(trace);
        verify(folder);
    });

    met.print("refused, or no room from");
}

fn played() -> TempDir {
    let folder = place();
    copy_folder(PLAYED.path(), folder.path());
    folder
}

/// Checks that the store was compacted all the same, or that the child told why not.
fn check_end(trace: &Trace) {
    assert_eq!(trace.end, End::Exit(0));
    let last = trace.told.last().map(String::as_str);
    let is_expected = matches!(last, Some("compacted" | "store.io" | "store.failed"));
    assert!(is_expected, "{last:?}");
}

/// Compares the store with the script, continues with it, and compacts it once more.
fn verify(folder: &Path) {
    let path = folder.join("store");
    let all = TRUTH.steps.len();

    let player = Player::open(&path).unwrap();
    TRUTH.place_of(&player.store, all).unwrap();
    player.store.close().unwrap();
    for name in ["compacting", "replaced", "discarded"] {
        assert!(!path.join(name).exists(), "{name}");
    }

    Store::compact(&path).unwrap();
    let player = Player::open(&path).unwrap();
    TRUTH.place_of(&player.store, all).unwrap();
    player.store.close().unwrap();
}

/// Compacts a store, and tells the outcome.
pub fn compact(folder: &Path) {
    tracer::let_trace();
    match Store::compact(folder) {
        Ok(_) => tell("compacted"),
        Err(refused) => tell(refused.code()),
    }
}
