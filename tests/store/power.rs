//! Power cuts and a full disk, on an ext4 image, if this machine lets us mount one.
//!
//! If it does not, the tests say that they were skipped, and fail if `CI` or
//! `QLIK_ROSTER_REQUIRE_MOUNTING` is set: a cut that was not made proves nothing.
//!
//! The writer is frozen and the image copied from below the file system: what was written and not
//! synced is in the page cache above it, so the copy lacks it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qlik_roster::model::Seq;
use qlik_roster::store::Store;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Role, Verifier, Writer, spawn};

const CUTS: u32 = 20;

#[test]
fn nothing_acknowledged_is_lost_in_a_power_cut() {
    if !can_mount() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let image = place.path().join("image");
    let copy = place.path().join("copy");
    let mut verifier = Verifier::default();
    let mut entries = 0;

    for cut in 0..CUTS {
        // Every second cut hits a store that was cut before and opened since.
        if cut % 2 == 0 {
            assert!(make_image(&image, 64));
            verifier = Verifier::default();
        } else {
            fs::rename(&copy, &image).unwrap();
        }
        let disk = Disk::mount(&image, place.path().join("disk")).unwrap();
        let (mut child, mut told) = spawn(Role::Write, &disk.folder().join("store"));
        let mut acknowledged = Seq::START;
        for line in told.by_ref().take(random.usize(1..80)) {
            acknowledged = Seq(line.parse().unwrap());
        }
        freeze(&child);
        copy_sparse(&image, &copy);
        // The child is killed before it continues, so everything that it told, it told before the
        // copy.
        child.kill().unwrap();
        child.wait().unwrap();
        for line in told {
            acknowledged = Seq(line.parse().unwrap());
        }
        drop(disk);

        let disk = Disk::mount(&copy, place.path().join("disk")).unwrap();
        let opened = Store::open(&disk.folder().join("store")).unwrap();
        assert_eq!(opened.moved_aside, None, "cut {cut}");
        verifier.verify(&opened.store, acknowledged);
        entries += acknowledged.0;
        opened.store.close().unwrap();
        drop(disk);
    }
    println!("{CUTS} power cuts on an ext4 image, {entries} acknowledged entries, all there");
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    if !can_mount() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("image");
    assert!(make_image(&image, 24));
    let disk = Disk::mount(&image, place.path().join("disk")).unwrap();
    let ballast = disk.folder().join("ballast");
    fs::write(&ballast, vec![1; 8 * 1024 * 1024]).unwrap();
    let path = disk.folder().join("store");

    let mut writer = Writer::new(Store::open(&path).unwrap().store, 40);
    let mut acknowledged = Seq::START;
    let error = loop {
        match writer.commit() {
            Ok(last) => acknowledged = last,
            Err(error) => break error,
        }
    };

    assert_eq!((error.code(), error.is_fatal()), ("store.failed", true));
    assert_eq!(writer.store.tenants().unwrap_err().code(), "store.failed");
    assert_eq!(writer.store.close().unwrap_err().code(), "store.failed");
    drop(writer);
    // The disk is full to the last block: opening fails, and does not mistake that for damage.
    fill(&disk.folder().join("more"));
    assert_eq!(Store::open(&path).unwrap_err().code(), "store.io");
    fs::remove_file(disk.folder().join("more")).unwrap();
    fs::remove_file(ballast).unwrap();
    let opened = Store::open(&path).unwrap();
    assert_eq!(opened.moved_aside, None);
    // The child writes the cursor after its commit, and that write may be the one that failed.
    assert!(opened.store.last_seq() >= acknowledged);
    opened.store.close().unwrap();
    println!("The disk was full after {acknowledged} entries");
}

/// Returns whether an image can be made and mounted here; if not, says that the test is skipped.
///
/// # Panics
///
/// If mounting is required.
fn can_mount() -> bool {
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("image");
    if make_image(&image, 8) && Disk::mount(&image, place.path().join("disk")).is_some() {
        return true;
    }
    let required = ["CI", "QLIK_ROSTER_REQUIRE_MOUNTING"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    assert!(!required, "no ext4 image can be mounted here");
    // This bypasses the test harness, which hides what a passing test prints.
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test of the store");
    let line = format!("skipped: {test}: no ext4 image can be mounted here\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
    false
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

fn make_image(path: &Path, mib: u64) -> bool {
    drop(fs::remove_file(path));
    File::create(path)
        .unwrap()
        .set_len(mib * 1024 * 1024)
        .unwrap();
    run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(path))
}

fn copy_sparse(from: &Path, to: &Path) {
    assert!(run(Command::new("cp")
        .arg("--sparse=always")
        .args([from, to])));
}

/// Stops all threads of a process, and waits until they have stopped.
fn freeze(process: &Child) {
    kill_process(Pid::from_child(process), Signal::STOP).unwrap();
    let pid = process.id();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let all_stand = tasks.into_iter().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        });
        if all_stand {
            return;
        }
        assert!(Instant::now() < deadline, "the writer does not stand still");
        std::thread::yield_now();
    }
}

fn run(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A mounted image; dropping this unmounts it.
struct Disk(PathBuf);

impl Disk {
    fn mount(image: &Path, folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        run(Command::new("mount")
            .args(["-o", "loop"])
            .args([image, &folder]))
        .then(|| Self(folder))
    }

    fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // sled releases its file a moment after it was closed.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !run(Command::new("umount").arg(&self.0)) {
            if Instant::now() > deadline {
                run(Command::new("umount").arg("-l").arg(&self.0));
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
