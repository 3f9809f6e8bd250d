//! What a command that takes more than a second says on standard error: in one line on a terminal,
//! now and then elsewhere, and never among the results.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, RateLimits, TenantOptions, When};
use serde_json::Value;
use tokio::net::UnixListener;

use crate::support::{Terminal, World, within};

/// Longer than the first second, in which the command reports nothing.
const SLOW: Duration = Duration::from_millis(1_700);

/// A tenant whose listing of users is slow from its second page on.
async fn slow_world() -> World {
    let world = World::of_several_pages().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Slow(SLOW), When::Nth(2));
    world
}

/// Returns what the lines about progress say, without how long it has taken.
fn said(err: &str) -> Vec<&str> {
    assert!(!err.contains("[0 s]"), "nothing in the first second: {err}");
    let lines = err.lines().filter(|line| line.starts_with('['));
    lines.map(|line| line.split_once("] ").unwrap().1).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_how_far_a_run_is_in_a_line_that_goes() {
    let world = slow_world().await;
    let args = ["sync", "--no-deliver"];

    let mut terminal = Terminal::run(&world.path(""), (80, 24), &args);
    terminal.shows("acme: reading users: 100 of 2").await;
    assert_eq!(terminal.end().await, 0);

    let (screen, bytes) = (terminal.screen(), terminal.bytes());
    assert!(!screen.contains("reading"), "{screen}");
    let drawn = String::from_utf8(bytes).unwrap();
    assert!(!drawn.contains("[0 s]"), "nothing in the first second");
    assert!(screen.starts_with("RUN "), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_gets_a_plain_line_and_results_stay_apart() {
    let world = slow_world().await;

    let args = ["sync", "--no-deliver", "--output", "json"];
    let (code, out, err) = world.command(&args).await;

    assert_eq!(code, 0, "{err}");
    let runs: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(runs[0]["outcome"], "succeeded");
    let lines = said(&err);
    assert!(lines[0].starts_with("acme: "), "{err}");
    assert!(!err.contains(['\r', '\u{1b}']), "{err:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_cannot_wipe_a_line_gets_plain_ones() {
    let world = slow_world().await;
    let args = ["sync", "--no-deliver", "--output", "json"];

    let dumb = [("TERM", "dumb")];
    let mut terminal = Terminal::run_with(&dumb, &world.path(""), (80, 24), &args);
    terminal.shows(" s] acme: ").await;
    assert_eq!(terminal.end().await, 0);

    assert!(!terminal.bytes().contains(&0x1b));
    assert!(terminal.screen().contains(" s] acme: "), "it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_qliks_limit_is_said() {
    let world = World::of_several_pages().await;
    let refused = Fault::TooManyRequests { retry_after: 2 };
    world
        .tenant
        .faults()
        .on(Endpoint::Users, refused, When::Nth(2));

    let args = ["sync", "--no-deliver"];
    let mut terminal = Terminal::run(&world.path(""), (120, 24), &args);
    terminal.shows("acme: reading users: 100 of 2").await;
    terminal.shows(" %), waiting 1 s for the rate limit").await;

    assert_eq!(terminal.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_tried_again_is_said_with_its_reason() {
    let world = World::of_several_pages().await;
    let faults = world.tenant.faults();
    // Together the waits are longer than a second, and nothing succeeds in between.
    for n in 2..5 {
        faults.on(Endpoint::Users, Fault::Unavailable, When::Nth(n));
    }

    let args = ["sync", "--no-deliver"];
    let mut terminal = Terminal::run(&world.path(""), (200, 24), &args);
    terminal.shows(" s after a failure: listing users: ").await;
    terminal.shows("[qlik.unavailable]").await;

    assert_eq!(terminal.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_at_which_step_it_is() {
    let world = World::new().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Token, Fault::Slow(SLOW), When::Always);
    faults.on(Endpoint::Groups, Fault::Slow(SLOW), When::Nth(1));

    let mut terminal = Terminal::run(&world.path(""), (100, 24), &["check"]);
    terminal.shows("checking acme: connecting to `").await;
    terminal.shows("checking acme: asking for groups").await;
    assert_eq!(terminal.end().await, 0);

    let screen = terminal.screen();
    assert!(!screen.contains("checking"), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_to_a_slow_receiver_are_counted() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let tenant = world.tenant.directory();
    tenant.create_role("Steward");
    world.receiver.respond_with(Reply::Slow(SLOW), When::Always);

    let mut terminal = Terminal::run(&world.path(""), (100, 24), &["sync"]);
    terminal.shows("delivering to `hr`").await;

    assert_eq!(terminal.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_does_not_answer_is_named_as_what_is_waited_for() {
    let world = World::new().await;
    fs::create_dir(world.path("store")).unwrap();
    let socket = UnixListener::bind(world.path("store").join("control.sock")).unwrap();

    let mut terminal = Terminal::run(&world.path(""), (80, 24), &["users"]);
    terminal
        .shows("waiting for the daemon's answer about users")
        .await;
    drop(socket);

    assert_eq!(terminal.end().await, 1);
    let screen = terminal.screen();
    assert!(
        screen.starts_with("error: asking the running daemon"),
        "{screen}"
    );
}

/// Takes the store's lock, as another process does.
fn hold(world: &World) -> File {
    let path = world.path("store").join("lock");
    let mut options = File::options();
    let lock = options.create(true).truncate(false).write(true).open(path);
    let lock = lock.unwrap();
    lock.lock().unwrap();
    lock
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_holds_is_waited_for_and_said() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let _lock = hold(&world);

    let (code, out, err) = world.command(&["users"]).await;

    assert_eq!((code, &*out), (3, ""));
    let expected = "waiting for another process to close the store";
    assert_eq!(said(&err), [expected]);
}

/// Runs a command on a new store each time, until one reports its progress with a count. Each time
/// it has to wait a second for the store, so that it reports what it does then.
async fn is_counted(world: &World, args: &[&str], make: impl Fn(), told: &[&str]) {
    let count = |line: &str| {
        let rest = told.iter().find_map(|what| line.split_once(what));
        let (_, rest) = rest?;
        let (_, count) = rest.split_once(": ")?;
        count.split_once(' ').map(|(n, _)| n.replace(',', ""))
    };
    let is_count = |text: String| text.parse::<u64>().is_ok();
    within(
        &format!("one of {told:?} is said, with a count"),
        || async {
            make();
            let lock = hold(world);
            let mut terminal = Terminal::run(&world.path(""), (160, 24), args);
            terminal.shows("] waiting for another process").await;
            drop(lock);
            terminal.end().await;
            let drawn = String::from_utf8(terminal.bytes()).unwrap();
            drawn.split('\r').filter_map(count).any(is_count)
        },
    )
    .await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(path, to).unwrap()),
        }
    }
}

fn put(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    copy(from, to);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_migration_of_the_store_is_is_said() {
    let world = World::new().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let old = root.join("tests/store/fixtures/format-1");
    let make = || {
        put(&old, &world.path("store/current"));
        // It is empty, and git does not keep empty folders.
        fs::create_dir_all(world.path("store/current/blobs")).unwrap();
    };

    let told = ["migrating the store from format "];
    is_counted(&world, &["runs"], make, &told).await;
}

/// A world with a large store, which takes its time.
async fn large() -> World {
    let world = World::with(TenantOptions {
        users: 1_500,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    with_events(&world).await;
    world
}

/// Loads the tenant, renames all of its users, and has a second run find that.
async fn with_events(world: &World) {
    world.command(&["sync"]).await;
    let tenant = world.tenant.directory();
    for user in tenant.users() {
        let name = Edit::Name(format!("Renamed {}", user.id));
        tenant.update_user(&user.id, name).unwrap();
    }
    world.command(&["sync", "--no-deliver"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_the_salvage_of_a_damaged_store_is_is_said() {
    let world = large().await;
    let (store, kept) = (world.path("store"), world.path("kept"));
    fs::write(store.join("current/damaged"), "a test").unwrap();
    copy(&store, &kept);
    let make = || put(&kept, &store);

    let told = [
        "salvaging what can be read of the damaged store",
        "reading the damaged store's log",
    ];
    is_counted(&world, &["runs"], make, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_compaction_of_the_store_is_is_said() {
    let world = large().await;
    let args = ["store", "compact"];

    is_counted(&world, &args, || {}, &["compacting the store"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_drawn_any_more_once_a_pager_has_results() {
    let world = World::of_several_pages().await;
    with_events(&world).await;
    let lock = hold(&world);
    let args = ["events", "--output", "jsonl"];
    let (mut terminal, mut out) = Terminal::piped(&world.path(""), (80, 24), &args);
    terminal.shows("waiting for another process").await;
    drop(lock);

    // The reader reads the first bytes and then waits: more is to come than fits into a pipe.
    let mut results = vec![0; 1];
    out.read_exact(&mut results).unwrap();
    terminal.is_watched().await;
    assert_eq!(terminal.screen().trim(), "");
    out.read_to_end(&mut results).unwrap();

    assert_eq!(terminal.end().await, 0);
    assert_eq!(terminal.screen().trim(), "");
    let results = String::from_utf8(results).unwrap();
    assert!(results.len() > 100_000, "{}", results.len());
    let rows = results.lines().map(serde_json::from_str::<Value>);
    assert!(rows.map(Result::unwrap).count() > 200);
    assert!(!results.contains(['\r', '\u{1b}']));
}
