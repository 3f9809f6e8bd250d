//! What is in the folder of an export, whatever else is there and whenever the process is killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::folder::{Folder, Locked};
use super::options::Readers;
use super::stamp;
use super::{ExportError, ReportFormat, ReportName};
use crate::model::{ExportName, Timestamp};

fn name() -> ExportName {
    ExportName("bi".to_owned())
}

fn at(hour: u8) -> Timestamp {
    Timestamp::parse(&format!("2026-03-02T{hour:02}:15:04.120Z")).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".bi.lock").collect()
}

/// Writes a small export.
fn put(locked: &Locked<'_>, hour: u8, readers: Readers) {
    let partial = locked.begin(at(hour), readers).unwrap();
    for file in [
        stamp::report(ReportName::Users, ReportFormat::Csv),
        stamp::MANIFEST.to_owned(),
    ] {
        let mut draft = partial.file(&file).unwrap();
        draft.write_all(br#"{"export":"bi"}"#).unwrap();
        draft.end().unwrap();
    }
    partial.keep(at(hour)).unwrap();
}

#[test]
fn only_own_exports_are_dropped_and_the_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let (path, name) = (folder.path(), name());
    let locked = Folder::open(path, &name).unwrap().lock().unwrap();
    for hour in [3, 1, 2, 4, 5] {
        put(&locked, hour, Readers::Owner);
    }
    let of = |hour| path.join(stamp::whole(&name, at(hour)));
    // Others' files: in an export, in a folder of the same form, behind a link, of another export.
    fs::write(of(1).join("notes.txt"), "mine").unwrap();
    fs::create_dir(path.join("bi-2026-03-01T000000.000Z")).unwrap();
    fs::create_dir(path.join("bi-2026-03-01T000000.001Z")).unwrap();
    fs::write(
        path.join("bi-2026-03-01T000000.001Z/manifest.json"),
        r#"{"export":"other"}"#,
    )
    .unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("manifest.json"), r#"{"export":"bi"}"#).unwrap();
    symlink(elsewhere.path(), path.join("bi-2026-03-01T000000.002Z")).unwrap();
    fs::write(path.join("bi-2026-03-01T000000.003Z"), "a file").unwrap();
    let before = names(path);

    locked.drop_old(2, at(5)).unwrap();

    let gone: BTreeSet<_> = before.difference(&names(path)).cloned().collect();
    let expected = [2, 3].map(|hour| stamp::whole(&name, at(hour)));
    assert_eq!(gone, expected.into());
    assert!(elsewhere.path().join("manifest.json").exists());
    assert_eq!(
        Folder::open(path, &name).unwrap().times().unwrap(),
        // One to which somebody has added a file stays, and still counts as written.
        [at(1), at(4), at(5)]
    );
}

#[test]
fn the_new_export_stays_and_those_of_the_future_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let (path, name) = (folder.path(), name());
    let locked = Folder::open(path, &name).unwrap().lock().unwrap();
    for hour in [1, 2, 7, 8, 3] {
        put(&locked, hour, Readers::Owner);
    }

    locked.drop_old(2, at(3)).unwrap();

    let left = Folder::open(path, &name).unwrap().times().unwrap();
    assert_eq!(left, [at(2), at(3)]);
}

#[test]
fn what_was_left_by_a_killed_process_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let (path, name) = (folder.path(), name());
    let locked = Folder::open(path, &name).unwrap().lock().unwrap();
    put(&locked, 1, Readers::Owner);
    let kept = names(path);
    for leftover in [stamp::partial(&name, at(2)), stamp::dropped(&name, at(0))] {
        fs::create_dir(path.join(&leftover)).unwrap();
        fs::write(path.join(&leftover).join("users.csv"), "half").unwrap();
    }
    // One with somebody else's file stays.
    let foreign = stamp::partial(&name, at(7));
    fs::create_dir(path.join(&foreign)).unwrap();
    fs::write(path.join(&foreign).join("other.txt"), "mine").unwrap();

    locked.clear().unwrap();

    let expected = kept.into_iter().chain([foreign.clone()]).collect();
    assert_eq!(names(path), expected);
    assert!(path.join(foreign).join("other.txt").exists());
}

#[test]
fn an_export_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let name = name();
    let locked = Folder::open(folder.path(), &name).unwrap().lock().unwrap();
    let partial = locked.begin(at(1), Readers::Owner).unwrap();
    partial
        .file("users.csv")
        .unwrap()
        .write_all(b"half")
        .unwrap();
    assert!(
        names(folder.path())
            .iter()
            .all(|name| name.starts_with('.'))
    );

    drop(partial);

    assert_eq!(names(folder.path()), BTreeSet::new());
}

#[test]
fn files_are_for_their_owner_or_for_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let name = name();
    let locked = Folder::open(folder.path(), &name).unwrap().lock().unwrap();
    for (hour, readers, of_folder, of_files) in [
        (1, Readers::Owner, 0o700, 0o600),
        (2, Readers::Group, 0o750, 0o640),
    ] {
        put(&locked, hour, readers);

        let path = folder.path().join(stamp::whole(&name, at(hour)));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), of_folder);
        assert_eq!(mode(&path.join("users.csv")), of_files);
        assert_eq!(mode(&path.join(stamp::MANIFEST)), of_files);
    }
}

#[test]
fn one_process_at_a_time_writes_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let (name, other) = (name(), ExportName("other".to_owned()));
    let open = |name| Folder::open(folder.path(), name).unwrap();
    let locked = open(&name).lock().unwrap();

    assert!(matches!(open(&name).lock(), Err(ExportError::Busy { .. })));
    assert!(open(&other).lock().is_ok());
    drop(locked);
    assert!(open(&name).lock().is_ok());
}

#[test]
fn nothing_is_replaced_and_no_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let name = name();
    let locked = Folder::open(folder.path(), &name).unwrap().lock().unwrap();
    let taken = folder.path().join(stamp::whole(&name, at(1)));
    fs::create_dir(&taken).unwrap();
    let partial = locked.begin(at(1), Readers::Owner).unwrap();
    assert!(matches!(
        partial.keep(at(1)),
        Err(ExportError::Taken { .. })
    ));

    let missing = folder.path().join("missing");
    let found = Folder::open(&missing, &name).unwrap_err();
    assert_eq!(found.code(), "export.no-folder");
    assert!(!missing.exists());
    fs::write(&missing, "a file").unwrap();
    let found = Folder::open(&missing, &name).unwrap_err();
    assert_eq!(found.code(), "export.no-folder");
}

/// Whoever may write to the folder cannot choose which file is made and locked.
#[test]
fn a_link_in_place_of_the_lock_is_not_followed() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = name();
    let target = elsewhere.path().join("target");
    symlink(&target, folder.path().join(stamp::lock(&name))).unwrap();

    let locked = Folder::open(folder.path(), &name).unwrap().lock();
    assert_eq!(locked.unwrap_err().code(), "export.io");
    assert!(!target.exists());
    fs::write(&target, "mine").unwrap();
    assert!(Folder::open(folder.path(), &name).unwrap().lock().is_err());
}
