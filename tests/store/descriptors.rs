//! The store of a process that has as many files and connections open as it may.

use std::fs::File;
use std::path::Path;
use std::thread;

use qlik_roster::model::{Change, Record, Seq};
use qlik_roster::store::{Store, Write};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::load::commit;
use crate::support::{Role, adopt, fingerprint, spawn, tell, user};

/// Files that the child may have open.
const LIMIT: u64 = 64;

/// The length of a text that gets a file of its own, however well it compresses.
const LARGE: usize = 1024 * 1024;

#[test]
fn commits_go_on_where_no_descriptor_is_left() {
    let folder = tempfile::tempdir().unwrap();

    let (mut child, told) = spawn(Role::Starve, folder.path());

    assert_eq!(told.collect::<Vec<_>>(), ["small", "large", "waited"]);
    assert!(child.wait().unwrap().success());
    let store = Store::open(folder.path()).unwrap().store;
    assert_eq!(store.last_seq(), Seq(3));
}

/// Commits while others have all descriptors, and while they take even those that the store has
/// reserved.
pub fn starve(folder: &Path) {
    let store = Store::open(folder).unwrap().store;
    let known = adopt(&store);
    let limit = Rlimit {
        current: Some(LIMIT),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut others = take_all();

    let mut random = fastrand::Rng::with_seed(7);
    let mut write = |number: u32, len: usize| {
        let record = user(number, Seq(1));
        let raw: String = std::iter::repeat_with(|| random.alphanumeric())
            .take(len)
            .collect();
        created(record, raw)
    };
    store.commit(commit(&known, vec![write(1, 10)])).unwrap();
    tell("small");
    store.commit(commit(&known, vec![write(2, LARGE)])).unwrap();
    tell("large");

    // A commit frees its own descriptors for a moment. The test takes them, so the commit waits for
    // others.
    let last = commit(&known, vec![write(3, 10)]);
    thread::scope(|scope| {
        let committing = scope.spawn(|| store.commit(last));
        let n_before = others.len();
        while others.len() == n_before && !committing.is_finished() {
            others.extend(take_all());
        }
        others.clear();
        committing.join().unwrap().unwrap();
    });
    tell("waited");
    store.close().unwrap();
}

fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn created(after: Record, raw: String) -> Write {
    Write::Change {
        fingerprint: fingerprint(&after),
        raw: raw.into(),
        change: Change::Created {
            after,
            replaces: None,
        },
        reported: None,
    }
}
