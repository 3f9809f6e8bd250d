//! The files as they were at their last sync, with any part of the pages written since: what a
//! power cut may leave of one commit, tested also on machines that cannot mount an image.

use std::fs;
use std::path::Path;

use qlik_roster::model::Seq;
use qlik_roster::store::{MAX_WRITES, Store};

use crate::support::{Verifier, Writer, copy_folder};

const CUTS: usize = 20;
const PAGE: usize = 4096;

#[test]
fn a_commit_that_reached_the_disk_in_part_is_there_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(2);
    let mut writer = Writer::new(Store::open(folder.path()).unwrap().store, MAX_WRITES);
    let mut whole = 0;

    for cut in 0..CUTS {
        let places = tempfile::tempdir().unwrap();
        let [synced, written, torn] =
            ["synced", "written", "torn"].map(|name| places.path().join(name));
        let before = writer.commit().unwrap();
        copy_folder(folder.path(), &synced);
        let after = writer.commit_only().unwrap();
        copy_folder(folder.path(), &written);
        copy_folder(&synced, &torn);
        tear(&synced, &written, &torn, &mut random);

        let opened = Store::open(&torn).unwrap();

        assert_eq!(opened.moved_aside, None, "cut {cut}");
        let last = opened.store.last_seq();
        assert!(
            last == before || last == after,
            "{last} is neither {before} nor {after}"
        );
        whole += usize::from(last == after);
        Verifier::default().verify(&opened.store, before);
        if cut % 5 == 4 {
            writer.store.close().unwrap();
            writer = Writer::new(Store::open(folder.path()).unwrap().store, MAX_WRITES);
        }
    }
    println!(
        "{CUTS} torn commits, {whole} of them whole; entries up to {}",
        writer.store.last_seq()
    );
    assert_ne!(writer.store.last_seq(), Seq::START);
}

/// Takes each page of the database from before or after. The mark is as before: it is written
/// once the database is synced.
fn tear(synced: &Path, written: &Path, torn: &Path, random: &mut fastrand::Rng) {
    let [old, new] = [synced, written].map(|path| fs::read(path.join("current/db")).unwrap());
    let mut longer = old.clone();
    longer.resize(new.len().max(old.len()), 0);
    let share = random.u8(..);
    let mut pages: Vec<u8> = Vec::with_capacity(new.len());
    for (former, page) in longer.chunks(PAGE).zip(new.chunks(PAGE)) {
        pages.extend_from_slice(if random.u8(..) < share { page } else { former });
    }
    if random.bool() {
        let shorter = random.usize(old.len().min(pages.len())..=pages.len());
        pages.truncate(shorter);
    }
    fs::write(torn.join("current/db"), pages).unwrap();
}
