//! A backup of a store that is in use, and the store that is made of it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use qlik_roster::demo::tenant::{NewUser, RateLimits, TenantOptions};
use qlik_roster::model::{Fact, Seq};
use qlik_roster::store::Store;

use crate::process::{Process, log_of};
use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant, within};

fn join(world: &World, name: &str) {
    let directory = world.tenant.directory();
    directory.create_user(NewUser::named(name)).unwrap();
}

async fn back_up(world: &World, name: &str) {
    let path = world.path(name);
    let (code, _, err) = world.command(&["backup", path.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{err}");
}

/// Restores a backup in place of the store, which is moved away.
async fn restore(world: &World, name: &str) -> (i32, String) {
    let path = world.path(name);
    let (code, _, err) = world.command(&["restore", path.to_str().unwrap()]).await;
    (code, err)
}

fn entries(store: &Store) -> Vec<(Seq, Fact)> {
    let all = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
    all.map(|entry| (entry.seq, entry.fact)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_the_store_at_one_moment() {
    let world = World::with(TenantOptions {
        users: 450,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    world.one_run().await;
    let daemon = Process::start(&world, &[]);
    within("the daemon has started", || async {
        log_of(&world).contains("Started")
    })
    .await;
    let load = async {
        for n in 0..6 {
            for m in 0..40 {
                join(&world, &format!("Joiner {n}.{m}"));
            }
            let (code, _, err) = world.command(&["sync"]).await;
            assert_eq!(code, 0, "{err}");
        }
    };
    let backups = async {
        for n in 0..6 {
            back_up(&world, &format!("backup-{n}")).await;
        }
    };
    tokio::join!(load, backups);
    drop(daemon);
    let original = world.store();
    let told = entries(&original);
    original.close().unwrap();
    std::fs::rename(world.path("store"), world.path("original")).unwrap();

    for n in 0..6 {
        let name = format!("backup-{n}");
        let mode = std::fs::metadata(world.path(&name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let (code, err) = restore(&world, &name).await;
        assert_eq!(code, 0, "{err}");

        let (code, out, err) = world.command(&["store", "check"]).await;
        assert_eq!(code, 0, "{out}{err}");
        let store = world.store();
        assert_journal_leads_to_state(&store);
        let mut restored = entries(&store);
        let last = restored.pop().unwrap();
        assert!(matches!(last.1, Fact::HistoryLost(_)), "{last:?}");
        assert_eq!(
            restored,
            told[..restored.len()],
            "its beginning is the same"
        );
        let losses = store.open_losses().unwrap();
        assert_eq!(losses.last().map(|loss| loss.entry), Some(last.0));
        store.close().unwrap();
        std::fs::remove_dir_all(world.path("store")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_no_id_stands_for_something_else_and_receivers_are_told() {
    let world = World::new().await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("\"group.*\"]", "\"group.*\", \"history.*\"]"));
    world.one_run().await;
    back_up(&world, "backup").await;
    join(&world, "First");
    world.one_run().await;
    let before = world.receiver.deliveries();
    assert_eq!(before.len(), 1);
    std::fs::rename(world.path("store"), world.path("lost")).unwrap();

    let (code, err) = restore(&world, "backup").await;
    assert_eq!(code, 0, "{err}");
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("made of a backup"), "{out}");
    join(&world, "Second");
    world.one_run().await;

    let after = world.receiver.deliveries();
    let types: Vec<_> = after[1..]
        .iter()
        .map(|it| it.body["type"].clone())
        .collect();
    assert_eq!(types[0], "history.lost", "{types:?}");
    assert_eq!(types[1..], ["user.created", "user.created"]);
    let ids: std::collections::BTreeSet<_> = after.iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids.len(), after.len(), "each id stands for one content");
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_is_not_restored_and_nothing_is_overwritten() {
    let world = World::new().await;
    world.one_run().await;
    back_up(&world, "backup").await;
    let whole = std::fs::read(world.path("backup")).unwrap();

    let (code, err) = restore(&world, "backup").await;
    assert_eq!(code, 3);
    assert!(err.contains("restore.not-empty"), "{err}");
    std::fs::rename(world.path("store"), world.path("original")).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for bytes in [&whole[..whole.len() - 1], &changed, b"not a backup"] {
        std::fs::write(world.path("broken"), bytes).unwrap();

        let (code, err) = restore(&world, "broken").await;

        assert_eq!(code, 3, "{err}");
        assert!(err.contains("restore.unreadable"), "{err}");
        assert!(is_empty(&world.path("store")), "{err}");
    }
    let (code, err) = restore(&world, "backup").await;
    assert_eq!(code, 0, "{err}");
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    store.close().unwrap();
}

fn is_empty(path: &Path) -> bool {
    std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_needs_no_daemon_and_may_go_to_standard_output() {
    let world = World::new().await;
    world.one_run().await;
    back_up(&world, "backup").await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command.arg("--config").arg(world.config_path());
    let output = command.args(["backup", "-"]).env_clear().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::write(world.path("piped"), output.stdout).unwrap();
    std::fs::rename(world.path("store"), world.path("original")).unwrap();

    for name in ["backup", "piped"] {
        let (code, err) = restore(&world, name).await;
        assert_eq!(code, 0, "{err}");
        std::fs::remove_dir_all(world.path("store")).unwrap();
    }
}
