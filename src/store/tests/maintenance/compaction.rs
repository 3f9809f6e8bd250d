//! A compaction frees disk space and loses nothing if nobody else has the store open.

use std::fs;
use std::path::Path;

use crate::model::{Kind, Outcome, Seq, Trigger};
use crate::store::handle::Store;
use crate::store::layout::keys;
use crate::store::tests::recovery::tamper;
use crate::store::tests::support::{self, adopt, open, record};
use crate::store::values::commit::Write;

use super::{RETENTION, commit, day, hook, park, pass, run, settle};

#[test]
fn a_compacted_store_has_the_same_content_in_less_space() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..6_000);
    commit(&store, &known, day(100), 0..500);
    support::commit(&store, &known, vec![large()]).unwrap();
    settle(&store, &hook("a"), store.last_seq(), Some(park(Seq(7))));
    let full = store.usage(&RETENTION, &[], day(110)).unwrap().disk;
    assert_eq!(pass(&store, &[], day(110)).entries, 6_000);
    let picture = |store: &Store| {
        (
            support::state(store, &known),
            store.entries(Seq::START, usize::MAX).unwrap(),
            store.entry(Seq(7)).unwrap(),
            store.cursor(&hook("a")).unwrap(),
            store.id(),
        )
    };
    let before = picture(&store);
    store.close().unwrap();

    let compacted = Store::compact(folder.path()).unwrap();

    // sled itself may have cut something off the end of its file already.
    assert!(compacted.after < full, "{compacted:?} of {full}");
    assert!(compacted.after < compacted.before, "{compacted:?}");
    assert!(compacted.live < compacted.after, "{compacted:?}");
    assert_eq!(names_in(folder.path()), ["current", "lock"]);
    let store = open(folder.path());
    assert_eq!(picture(&store), before);
    commit(&store, &known, day(120), 0..50);
    store.close().unwrap();
    let again = Store::compact(folder.path()).unwrap();
    assert!(again.rows >= compacted.rows);
}

/// A record that gets a file of its own, since it compresses badly.
fn large() -> Write {
    let mut random = fastrand::Rng::with_seed(1);
    let name: String = (0..190_000).map(|_| random.alphanumeric()).collect();
    support::created(record(Kind::User, 9_000, &name))
}

#[test]
fn a_store_that_somebody_has_open_is_not_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.locked");
    adopt(&store, 1);
}

#[test]
fn a_damaged_store_is_not_compacted_and_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().unwrap();
    fs::write(folder.path().join("current/damaged"), "a test").unwrap();

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.damaged");
    assert!(folder.path().join("current/damaged").exists());
}

/// Damages something that an opening has no reason to read.
pub(super) fn damage(folder: &Path) {
    let store = open(folder);
    let run = run(&store, "t", Trigger::Schedule, Outcome::Succeeded, day(0));
    store.close().unwrap();
    tamper(folder, |db| {
        let key = keys::run(&run.tenant_name, run.id);
        let mut value = db.get(&key).unwrap().unwrap().to_vec();
        value[3] ^= 1;
        db.insert(key, value).unwrap();
    });
}

#[test]
fn damage_that_a_copy_meets_ends_it_and_moves_the_store_aside_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    damage(folder.path());

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.damaged");
    assert!(!folder.path().join("compacting").exists());
    let opened = Store::open(folder.path()).unwrap();
    assert_eq!(opened.moved_aside, Some(folder.path().join("damaged-1")));
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("damaged-1")).unwrap();

    for path in [folder.path().to_owned(), folder.path().join("nowhere")] {
        let refused = Store::compact(&path).unwrap_err();

        assert_eq!(refused.code(), "store.not-there");
        assert!(refused.to_string().contains(&*path.to_string_lossy()));
    }
    assert_eq!(names_in(folder.path()), ["damaged-1"]);
}

#[test]
fn what_root_does_leaves_the_store_to_its_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    const OWNER: u32 = 12_345;
    let folder = tempfile::tempdir().unwrap();
    if chown(folder.path(), Some(OWNER), Some(OWNER)).is_err() {
        // Only root can give a folder away.
        return;
    }
    // If systemd gives a service a user of its own, a link leads to its folder.
    let links = tempfile::tempdir().unwrap();
    let path = links.path().join("store");
    std::os::unix::fs::symlink(folder.path(), &path).unwrap();
    let check = |after: &str| {
        let mut folders = vec![folder.path().to_owned()];
        let mut n_files = 0;
        while let Some(path) = folders.pop() {
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let found = entry.metadata().unwrap();
                assert_eq!(
                    found.uid(),
                    OWNER,
                    "{} after {after}",
                    entry.path().display()
                );
                n_files += 1;
                if found.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        // The lock, the database, its log, settings, large value, mark and note.
        assert!(n_files >= 8, "{n_files}");
    };

    let store = open(&path);
    let known = adopt(&store, 1);
    support::commit(&store, &known, vec![large()]).unwrap();
    store.close().unwrap();
    check("it was made");
    Store::compact(&path).unwrap();
    check("it was compacted");
    let store = open(&path);
    commit(&store, &known, day(0), 0..10);
    store.close().unwrap();
    check("it was worked with");
}

/// Every state that a process can leave if it is killed while it swaps a copy in.
#[test]
fn a_swap_that_was_stopped_anywhere_is_cleared_up() {
    let made = tempfile::tempdir().unwrap();
    let store = open(made.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..30);
    store.close().unwrap();
    let copied = |names: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            copy(&made.path().join("current"), &folder.path().join(name));
        }
        folder
    };
    let holds_all = |folder: &Path| {
        let store = open(folder);
        assert_eq!(store.last_seq(), Seq(30));
        support::state(&store, &known);
        store.close().unwrap();
        for name in ["compacting", "replaced", "discarded"] {
            assert!(!folder.join(name).exists(), "{name}");
        }
    };

    for names in [
        &["current", "compacting"][..],
        &["replaced", "compacting"],
        &["current", "replaced"],
        &["current", "discarded"],
        &["replaced", "discarded"],
    ] {
        holds_all(copied(names).path());
    }
    // The new database does not open, but the old one is still there.
    let folder = copied(&["current", "replaced"]);
    fs::remove_file(folder.path().join("current/db")).unwrap();
    holds_all(folder.path());
    // A half-finished copy is not mistaken for a database.
    let folder = copied(&["current", "compacting"]);
    fs::remove_file(folder.path().join("compacting/db")).unwrap();
    holds_all(folder.path());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // This file exists as long as the store is open.
        .filter(|name| name != "open")
        .collect();
    names.sort();
    names
}
