//! What a command that takes more than a second says on standard error: in one line on a terminal,
//! now and then elsewhere, and never among the results.

use std::fs::File;
use std::time::Duration;

use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{Endpoint, Fault, When};
use serde_json::Value;
use tokio::net::UnixListener;

use crate::support::{Terminal, World};

/// Longer than the second in which nothing is said.
const SLOW: Duration = Duration::from_millis(1_700);

/// A tenant whose listing of users is slow from its second page on.
async fn slow_world() -> World {
    let world = World::of_several_pages().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Slow(SLOW), When::Nth(2));
    world
}

/// Returns what the lines say that tell how far something is, without how long it has taken.
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
    terminal.shows(" %), waiting 1 s for Qlik's limit").await;

    assert_eq!(terminal.end().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_tried_again_is_said_with_its_reason() {
    let world = World::of_several_pages().await;
    let faults = world.tenant.faults();
    // The waits together are longer than a second, and none of them is over in between.
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
    std::fs::create_dir(world.path("store")).unwrap();
    let socket = UnixListener::bind(world.path("store").join("control.sock")).unwrap();

    let mut terminal = Terminal::run(&world.path(""), (80, 24), &["users"]);
    terminal.shows("waiting for the daemon to tell users").await;
    drop(socket);

    assert_eq!(terminal.end().await, 1);
    let screen = terminal.screen();
    assert!(
        screen.starts_with("error: asking the running daemon"),
        "{screen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_another_process_holds_is_waited_for_and_said() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let lock = File::open(world.path("store").join("lock")).unwrap();
    lock.lock().unwrap();

    let (code, out, err) = world.command(&["users"]).await;

    assert_eq!((code, &*out), (3, ""));
    let expected = "waiting for another process to close the store";
    assert_eq!(said(&err), [expected]);
}
