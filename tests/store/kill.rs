//! A process is killed at work or while it opens the store, and a second one comes while the first
//! has the store open.

use std::time::Duration;

use qlik_roster::model::Seq;
use qlik_roster::store::Store;

use crate::support::{Role, Verifier, Writer, spawn};

const KILLS: u32 = 24;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let mut verifier = Verifier::default();
    let mut acknowledged = Seq::START;
    let mut leftovers = 0;

    for kill in 0..KILLS {
        let (mut child, mut told) = spawn(Role::Write, folder.path());
        if kill % 2 == 0 {
            // In the middle of its work.
            let lines = random.usize(1..60);
            for line in told.by_ref().take(lines) {
                acknowledged = acknowledged.max(Seq(line.parse().unwrap()));
            }
        } else {
            // Most likely while it opens the store; the exact place differs from kill to kill.
            std::thread::sleep(Duration::from_micros(random.u64(0..50_000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in told {
            acknowledged = acknowledged.max(Seq(line.parse().unwrap()));
        }
        leftovers += std::fs::read_dir(folder.path().join("current")).map_or(0, |files| {
            files
                .filter(|file| {
                    let name = file.as_ref().unwrap().file_name();
                    name.to_string_lossy().ends_with(".generating")
                })
                .count()
        });

        let opened = Store::open(folder.path()).unwrap();
        assert_eq!(opened.moved_aside, None, "kill {kill}");
        verifier.verify(&opened.store, acknowledged);
        opened.store.close().unwrap();
    }
    println!("{KILLS} kills, {acknowledged} entries, {leftovers} half-written snapshots");
}

#[test]
fn a_store_whose_making_was_killed_is_made_again() {
    let mut random = fastrand::Rng::with_seed(8);
    for kill in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, told) = spawn(Role::Write, folder.path());
        std::thread::sleep(Duration::from_micros(random.u64(0..60_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = told.last().map_or(0, |line| line.parse().unwrap());

        let opened = Store::open(folder.path()).unwrap();

        assert_eq!(opened.moved_aside, None, "kill {kill}");
        Verifier::default().verify(&opened.store, Seq(acknowledged));
    }
}

#[test]
fn a_second_process_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Store::open(folder.path()).unwrap();
    let mut writer = Writer::new(opened.store, 3);

    let (mut child, told) = spawn(Role::Open, folder.path());
    let refused: Vec<String> = told.collect();
    child.wait().unwrap();
    writer.commit().unwrap();
    writer.store.close().unwrap();
    let (mut child, told) = spawn(Role::Open, folder.path());
    let opened: Vec<String> = told.collect();
    child.wait().unwrap();

    let path = folder.path().display();
    let message = format!(
        "store.locked: opening the store in `{path}`: another process has it open, such as a daemon that runs already; `qlik-roster status` asks it"
    );
    assert_eq!(refused, [message]);
    assert_eq!(opened, ["opened"]);
}
