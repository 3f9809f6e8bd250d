//! Exports that are written on a schedule: as a whole or not at all.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::{Status, query};
use qlik_roster::demo::tenant::{Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::{ExportName, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Running, World, within};

/// Kills in an ordinary run; `QLIK_ROSTER_LONG` makes ten times as many.
const N_KILLS: usize = 20;

/// Adds an export to the configuration. Returns its folder.
fn add(world: &World, more: &str) -> PathBuf {
    let folder = world.path("exports");
    fs::create_dir(&folder).unwrap();
    let section = format!("[[exports]]\nname = \"bi\"\nfolder = {folder:?}\n{more}\n");
    world.write_config(&(world.standard_config() + &section));
    folder
}

/// Returns what a loader finds: the folders without a full stop before their names.
fn found(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_shown = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with('.')
    };
    paths.filter(is_shown).collect()
}

/// Checks that an export is whole: it has all files that its manifest names, as it names them.
fn assert_whole(export: &Path) -> Value {
    let manifest = fs::read(export.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut files = BTreeSet::from(["manifest.json".to_owned()]);
    for report in manifest["reports"].as_array().unwrap() {
        let file = report["file"].as_str().unwrap();
        let text = fs::read_to_string(export.join(file)).unwrap();
        assert_eq!(
            report["sha256"],
            hex::encode(Sha256::digest(&text)),
            "{file}"
        );
        assert_eq!(report["as_of"], manifest["as_of"]);
        let n_lines = text.matches('\n').count() as u64;
        assert!(n_lines > report["rows"].as_u64().unwrap(), "{file}");
        files.insert(file.to_owned());
    }
    let there = fs::read_dir(export).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), files);
    manifest
}

async fn status(running: &Running) -> Status {
    running
        .ask(query::Status {
            export: Some(ExportName("bi".to_owned())),
            ..query::Status::default()
        })
        .await
}

#[tokio::test]
async fn an_export_is_written_on_its_schedule_and_old_ones_are_dropped() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T02:00:00Z").unwrap());
    let world = World::by(clock.clone(), TenantOptions::default()).await;
    let folder = add(
        &world,
        "schedule = \"0 5 * * *\"\ntimezone = \"Europe/Berlin\"\nkeep = 2\nreports = [\"users\", \"access\"]",
    );
    world.one_run().await;
    let mut wanted = Vec::new();

    // Each start finds that one is due. The first is, since there is none yet.
    for (now, is_due) in [
        ("2026-03-01T03:00:00Z", true),
        ("2026-03-01T03:59:00Z", false),
        ("2026-03-01T04:00:00Z", true),
        ("2026-03-02T03:59:00Z", false),
        ("2026-03-02T05:00:00Z", true),
        ("2026-03-09T05:00:00Z", true),
    ] {
        clock.set(Timestamp::parse(now).unwrap());
        let running = world.launch().await;
        let n_before = wanted.len();
        if is_due {
            wanted.push(format!("bi-{}", now.replace(':', "").replace('Z', ".000Z")));
        }
        within("the loop has looked", || async {
            let row = status(&running).await.exports.remove(0);
            let has_written = row.written == Timestamp::parse(now);
            row.next.is_some() && has_written == (wanted.len() > n_before)
        })
        .await;
        running.stop().await;

        let kept = wanted.iter().rev().take(2).map(|name| folder.join(name));
        assert_eq!(found(&folder), kept.collect(), "{now}");
        for export in found(&folder) {
            let manifest = assert_whole(&export);
            assert_eq!(manifest["export"], "bi");
            assert_eq!(manifest["complete"], true);
            let mode = fs::metadata(export.join("users.csv"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

#[tokio::test]
async fn what_keeps_an_export_from_being_written_is_said_and_ends() {
    let world = World::new().await;
    let folder = add(&world, "schedule = \"7d\"\nreports = [\"users\"]");
    world.one_run().await;
    fs::remove_dir_all(&folder).unwrap();

    let running = world.launch().await;
    within("it has failed", || async {
        status(&running).await.exports[0].failure.is_some()
    })
    .await;
    let row = status(&running).await.exports.remove(0);
    assert_eq!(row.failure.unwrap().code, "export.no-folder");
    assert_eq!(row.written, None);
    let (exit, out, _) = world.command(&["status", "--wide"]).await;
    assert_eq!(exit, 4);
    assert!(
        out.contains("export bi") && out.contains("[export.no-folder]"),
        "{out}"
    );
    let metrics = reqwest::get(running.url("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let expected = "qlik_roster_exports_total{export=\"bi\",outcome=\"failed\"} 1";
    assert!(metrics.contains(expected), "{metrics}");
    let (exit, out, _) = world.command(&["check", "--wide"]).await;
    assert_eq!(exit, 4);
    assert!(out.contains("export.no-folder"), "{out}");

    // Ordered, it is tried at once, by the daemon.
    let (exit, _, said) = world.command(&["export", "--name", "bi"]).await;
    assert_eq!(exit, 1);
    assert!(said.contains("does not exist"), "{said}");
    fs::create_dir(&folder).unwrap();
    let (exit, out, said) = world.command(&["export", "--name", "bi"]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(found(&folder), BTreeSet::from([PathBuf::from(out.trim())]));
    assert_eq!(status(&running).await.exports[0].failure, None);
    let (exit, out, _) = world.command(&["status", "--wide"]).await;
    assert_eq!(exit, 0, "{out}");
    running.stop().await;
}

#[tokio::test]
async fn without_a_daemon_the_command_writes_the_export() {
    let world = World::new().await;
    world.one_run().await;
    let folder = add(
        &world,
        "schedule = \"7d\"\nformat = \"json\"\nreaders = \"group\"",
    );

    let (exit, out, said) = world.command(&["export", "--name", "bi"]).await;

    assert_eq!(exit, 0, "{said}");
    let export = PathBuf::from(out.trim());
    assert_eq!(found(&folder), BTreeSet::from([export.clone()]));
    assert_eq!(
        assert_whole(&export)["reports"].as_array().unwrap().len(),
        7
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&export), mode(&export.join("users.json"))),
        (0o750, 0o640)
    );
    let (exit, _, said) = world.command(&["export", "--name", "b"]).await;
    assert_eq!(exit, 2);
    assert!(
        said.contains("no export is called `b`") && said.contains("`bi`"),
        "{said}"
    );
    let (exit, _, _) = world.command(&["export", "users", "--name", "bi"]).await;
    assert_eq!(exit, 2);
}

#[tokio::test]
async fn a_tenant_that_was_not_read_keeps_the_export_from_being_written() {
    let world = World::new().await;
    let folder = add(&world, "schedule = \"7d\"");
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    let running = world.launch().await;

    within("it has failed", || async {
        status(&running).await.exports[0].failure.is_some()
    })
    .await;

    let row = status(&running).await.exports.remove(0);
    assert_eq!(row.failure.unwrap().code, "export.not-read");
    assert!(row.next.is_some());
    assert_eq!(found(&folder), BTreeSet::new());
    running.stop().await;
}

/// The daemon is killed again and again while it writes and drops exports. Whatever a loader finds
/// is whole, what was there stays, and nothing is left behind in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_leaves_whole_exports_alone() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let world = World::with(TenantOptions {
        users: 3_000,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let folder = add(&world, "schedule = \"10s\"\nkeep = 2");
    world.one_run().await;
    let (exit, _, said) = world.command(&["export", "--name", "bi"]).await;
    assert_eq!(exit, 0, "{said}");
    let mut dice = fastrand::Rng::with_seed(11);
    let mut n_partial = 0;

    for _ in 0..if long { 10 * N_KILLS } else { N_KILLS } {
        let before = found(&folder);
        // At the beginning an export is due: the clock of the exports is their names.
        for export in &before {
            let name = export.file_name().unwrap().to_str().unwrap();
            let older = name.replacen("bi-20", "bi-19", 1);
            fs::rename(export, folder.join(older)).unwrap();
        }
        let before = found(&folder);
        let mut daemon = world.serve();
        within("it writes", || async {
            hidden(&folder) > 0 || found(&folder) != before
        })
        .await;
        let wait = Duration::from_micros(dice.u64(0..60_000));
        let until = std::time::Instant::now() + wait;
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();

        n_partial += usize::from(hidden(&folder) > 0);
        let after = found(&folder);
        assert!(!after.is_empty());
        for export in &after {
            assert_whole(export);
        }
        let newest = before.iter().next_back().unwrap();
        assert!(after.contains(newest), "the last whole export is gone");
    }

    assert!(n_partial > 2, "the kills missed their marks: {n_partial}");
    let (exit, _, said) = world.command(&["export", "--name", "bi"]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!((hidden(&folder), found(&folder).len()), (0, 2));
}

/// Returns how many exports are being written or deleted.
fn hidden(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .filter(|entry| {
            entry.as_ref().unwrap().path().is_dir()
                && entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .starts_with('.')
        })
        .count()
}
