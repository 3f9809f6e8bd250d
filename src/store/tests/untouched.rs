//! Opening a store with a damaged log loses nothing that can be read.

use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::model::{AuditEventId, Seq, Timestamp};
use crate::store::engine::files::Folder;
use crate::store::engine::log::Log;
use crate::store::engine::opening::database;
use crate::store::handle::Store;
use crate::store::values::audit::{Bookmark, SeenEvent};

use super::recovery::{copy_store, filled};
use super::support::{adopt, open};

/// Makes a store and damages its log in the middle. Returns the bytes of the log before and after.
fn struck(path: &Path) -> (Vec<u8>, Vec<u8>) {
    filled(path).close().unwrap();
    database::wait_until_free(&Folder::new(path).current()).unwrap();
    let file = Folder::new(path).db();
    let sound = fs::read(&file).unwrap();
    let n_used = sound.iter().rposition(|byte| *byte != 0).unwrap();
    let mut damaged = sound.clone();
    damaged[n_used / 2] ^= 1;
    fs::write(&file, &damaged).unwrap();
    assert!(
        Log::open(&Folder::new(path).current())
            .unwrap()
            .has_a_gap()
            .unwrap()
    );
    (sound, damaged)
}

#[test]
fn the_files_that_are_moved_aside_are_those_that_were_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (_, damaged) = struck(folder.path());

    let opened = Store::open(folder.path()).unwrap();

    let aside = opened.moved_aside.unwrap();
    assert!(fs::read(aside.join("db")).unwrap() == damaged);
    assert!(!Folder::new(folder.path()).untouched().exists());
    let loss = opened.store.open_loss().unwrap().unwrap();
    assert!(loss.missing.entries < 10, "{loss:?}");
    opened.store.close().unwrap();
}

#[test]
fn an_opening_that_was_stopped_goes_back_to_the_files_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, _) = struck(folder.path());
    let store = Folder::new(folder.path());
    fs::write(store.db(), &sound).unwrap();
    // An opening leaves this if it is killed while sled opens the files that it copied.
    fs::create_dir(store.untouched()).unwrap();
    for entry in fs::read_dir(store.current()).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            fs::copy(entry.path(), store.untouched().join(entry.file_name())).unwrap();
        }
    }
    fs::write(store.db(), vec![0; sound.len()]).unwrap();

    let opened = Store::open(folder.path()).unwrap();

    assert_eq!(opened.moved_aside, None);
    assert_eq!(opened.store.entries(Seq::START, 100).unwrap().len(), 50);
    assert!(!store.untouched().exists());
    opened.store.close().unwrap();
}

/// A process that is killed while it creates the store may leave a gap, too.
#[test]
fn a_store_that_is_created_again_does_not_go_back_to_what_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::new(folder.path());
    fs::create_dir(store.current()).unwrap();
    drop(sled::Config::new().path(store.current()).open().unwrap());
    database::wait_until_free(&store.current()).unwrap();
    let mut bytes = fs::read(store.db()).unwrap();
    // In the first of several messages.
    bytes[30] ^= 1;
    fs::write(store.db(), bytes).unwrap();
    assert!(Log::open(&store.current()).unwrap().has_a_gap().unwrap());

    filled(folder.path()).close().unwrap();

    assert!(!store.untouched().exists());
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(again.moved_aside, None);
    assert_eq!(again.store.entries(Seq::START, 100).unwrap().len(), 50);
    again.store.close().unwrap();
}

/// sled may open such a log, and drop what its damaged pages contain.
#[test]
fn a_store_with_a_gap_in_its_log_is_looked_at_as_a_whole() {
    let sound = tempfile::tempdir().unwrap();
    let store = filled(sound.path());
    let seen: Vec<_> = (0..3_000_u32)
        .map(|n| SeenEvent {
            at: Timestamp::from_millis(n.into()),
            id: AuditEventId(xxh3_128(&n.to_be_bytes()).to_be_bytes()),
        })
        .collect();
    let bookmark = Bookmark {
        since: seen[0].at,
        until: seen[2_999].at,
        untold: Vec::new(),
        sessions_since: None,
    };
    let no = adopt(&store, 1).no;
    store
        .set_bookmark(no, &bookmark, &seen, seen[0].at)
        .unwrap();
    store.close().unwrap();
    // So that sled need not read its log up to the damaged place.
    open(sound.path()).close().unwrap();
    let bytes = fs::read(Folder::new(sound.path()).db()).unwrap();
    let mut n_told = 0;
    // No sample reads the events that were handled.
    for event in seen.iter().step_by(300).take(6) {
        let id = event.id.0;
        let last = bytes.windows(id.len()).rposition(|bytes| *bytes == id);
        let folder = tempfile::tempdir().unwrap();
        copy_store(sound.path(), folder.path());
        let store = Folder::new(folder.path());
        let mut damaged = bytes.clone();
        damaged[last.unwrap()] ^= 1;
        fs::write(store.db(), damaged).unwrap();
        assert!(Log::open(&store.current()).unwrap().has_a_gap().unwrap());

        let opened = Store::open(folder.path()).unwrap();

        // Sometimes the damage hits something that was written again elsewhere.
        let n_seen = opened.store.seen_events(no).unwrap().len();
        let is_told = opened.moved_aside.is_some();
        assert!(is_told || n_seen == seen.len(), "struck at {last:?}");
        assert_eq!(opened.store.check().unwrap().faults, []);
        n_told += u32::from(is_told);
        opened.store.close().unwrap();
    }
    assert!(n_told > 0);
}
