//! Every command that fails says why in one line, with a code that the manual explains.

use std::fs;
use std::net::TcpListener;

use crate::support::{Terminal, World};

/// Commands that ask for what does not exist, with their exit codes and error codes.
const ASKED: &[(&[&str], i32, &str)] = &[
    (&["users", "show", "Nobody"], 7, "cli.not-there"),
    (&["users", "--tenant", "acmee"], 2, "control.unknown-tenant"),
    (&["users", "--columns", "nmae"], 2, "cli.unknown-column"),
    (
        &["users", "--columns", "name", "--output", "json"],
        2,
        "cli.columns-of-json",
    ),
    (&["runs", "show", "run-99"], 7, "cli.not-there"),
    (&["runs", "show", "the last"], 2, "cli.usage"),
    (&["usres"], 2, "cli.usage"),
    (&["users", "--tenat", "acme"], 2, "cli.usage"),
    (&["users", "--limit", "ten"], 2, "cli.usage"),
    (&["deliveries", "--limit", "0"], 2, "cli.usage"),
    (&["users", "--limit", "0"], 2, "cli.usage"),
    (&["roles", "--limit", "0"], 2, "cli.usage"),
    (&["groups", "--limit", "0"], 2, "cli.usage"),
    (&["runs", "--limit", "0"], 2, "cli.usage"),
    (&["plan", "--limit", "0"], 2, "cli.usage"),
    (&["findings", "--limit", "0"], 2, "cli.usage"),
    (&["events", "--limit", "0"], 2, "cli.usage"),
    (&["events", "--after", "last"], 2, "cli.usage"),
    (&["events", "--since", "yesterday"], 2, "cli.usage"),
    (&["users", "--output", "xml"], 2, "cli.usage"),
    (&["demo", "--users", "5"], 2, "cli.usage"),
    (&["events", "show", "99"], 7, "cli.not-there"),
    (&["plan", "show", "plan-99"], 7, "control.unknown-plan"),
    (&["plan", "approve", "plan-99"], 7, "control.unknown-plan"),
    (&["plan", "reject", "plan-99"], 7, "control.unknown-plan"),
    (&["deliveries", "show", "99"], 7, "cli.not-there"),
    (
        &["endpoints", "enable", "rh"],
        2,
        "control.unknown-endpoint",
    ),
    (
        &["replay", "--endpoint", "hr", "--event", "99"],
        7,
        "control.unknown-event",
    ),
    (&["check", "--tenant", "acmee"], 2, "control.unknown-tenant"),
    (
        &["findings", "accept", "f-0000000000", "--why", "known"],
        7,
        "control.unknown-finding",
    ),
    (
        &["findings", "accept", "f-0000000000", "--why", " "],
        2,
        "cli.usage",
    ),
    (
        &["findings", "accept", "f-1", "--why", "known"],
        2,
        "cli.usage",
    ),
    (
        &["findings", "reopen", "f-0000000000"],
        7,
        "control.not-accepted",
    ),
];

/// Returns what a failure says, if it is one line that ends with a code of the manual.
fn said(err: &str) -> Option<(&str, &str)> {
    let manual = include_str!("../../docs/errors.md");
    let line = err.lines().find_map(|line| line.strip_prefix("error: "))?;
    let (sentence, code) = line.strip_suffix(']')?.rsplit_once(" [")?;
    let is_explained = manual.contains(&format!("| `{code}` |"));
    let is_plain = !sentence.contains("os error");
    (is_explained && is_plain).then_some((sentence, code))
}

async fn hold(world: &World, when: &str) {
    for (args, exit, code) in ASKED {
        let (found, _, err) = world.command(args).await;
        let said = said(&err).map(|(_, code)| code);
        assert_eq!(
            (found, said),
            (*exit, Some(*code)),
            "{when}: {args:?}: {err}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_a_command_says_its_code() {
    let world = World::new().await;
    let (exit, _, err) = world.command(&["users"]).await;
    let (sentence, code) = said(&err).unwrap();
    assert_eq!((exit, code), (7, "store.not-there"));
    assert!(sentence.starts_with("there is no store in "), "{sentence}");

    let running = world.start().await;
    hold(&world, "a daemon answers").await;
    let (exit, _, err) = world.command(&["serve"]).await;
    let (sentence, code) = said(&err).unwrap();
    assert_eq!((exit, code), (3, "store.locked"));
    assert!(
        sentence.contains("such as a daemon that runs already"),
        "{sentence}"
    );
    running.stop().await;
    hold(&world, "the store is asked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_are_refused_say_what_was_meant_and_nothing_of_a_library() {
    let world = World::new().await;
    for (args, expected) in [
        (
            &["usres"][..],
            "similar subcommands exist: 'spaces', 'serve', 'store', 'users'",
        ),
        (
            &["users", "--tenat", "acme"],
            "a similar argument exists: '--tenant'",
        ),
        (
            &["events", "--after", "last"],
            "a whole number is expected, such as `20`",
        ),
        (
            &["users", "--limit", "0"],
            "a whole number of 1 or more is expected, such as `20`",
        ),
        (
            &["demo", "--users", "5"],
            "a whole number from 10 to 2000000 is expected",
        ),
        (
            &["users", "--output", "xml"],
            "[possible values: table, json, jsonl, csv]",
        ),
        // A list follows, so the code is before it.
        (
            &["findings", "accept", "f-0000000000"],
            "error: the following required arguments were not provided [cli.usage]:\n  --why <TEXT>",
        ),
    ] {
        let (code, out, err) = world.command(args).await;

        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(expected), "{args:?}: {err}");
        assert_eq!(err.matches("[cli.usage]").count(), 1, "{args:?}: {err}");
        let inside = ["digit found", "non-zero type", "in 10..="];
        assert!(
            !inside.iter().any(|word| err.contains(word)),
            "{args:?}: {err}"
        );
    }
    for args in [&["--help"][..], &["users", "--help"], &["--version"]] {
        let (code, out, err) = world.command(args).await;
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(out.contains("qlik-roster"), "{args:?}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_arguments_has_its_code_on_a_terminal_too() {
    let world = World::new().await;

    let mut terminal = Terminal::run(&world.path(""), (100, 24), &["usres"]);
    assert_eq!(terminal.end().await, 2);

    let screen = terminal.screen();
    let first = "error: unrecognized subcommand 'usres' [cli.usage]";
    assert_eq!(screen.lines().next(), Some(first), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_an_acceptance_have_a_length() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let (fits, long) = ("é".repeat(500), "é".repeat(501));
    let accept = ["findings", "accept", "f-0000000000"];
    for (options, expected) in [
        (
            ["--why", &long, "--by", "Ann"],
            "`--why` may have at most 500 characters; this has 501 [cli.usage]",
        ),
        (
            ["--why", "known", "--by", &long],
            "`--by` may have at most 500 characters; this has 501 [cli.usage]",
        ),
        (
            ["--why", "known", "--by", " "],
            "`--by` must not be empty [cli.usage]",
        ),
        (
            ["--why", "", "--by", "Ann"],
            "`--why` must not be empty [cli.usage]",
        ),
        (["--why", &fits, "--by", &fits], "[control.unknown-finding]"),
    ] {
        let (_, _, err) = world.command(&[&accept[..], &options[..]].concat()).await;

        assert!(err.trim_end().ends_with(expected), "{err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_cannot_start_says_its_code() {
    let world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = world.standard_config();
    let config = config.replace("127.0.0.1:0", &address.to_string());
    world.write_config(&config);

    let (exit, _, err) = world.command(&["serve"]).await;

    let expected = format!(
        "listening on {address} (`server.listen`): another program uses this port already; stop \
         that program, or choose another port"
    );
    assert_eq!((exit, said(&err)), (1, Some((&*expected, "daemon.listen"))));

    // A file in the place of the store.
    let file = world.path("file");
    fs::write(&file, "").unwrap();
    let store = world.path("store");
    let config = config.replace(&format!("{store:?}"), &format!("{file:?}"));
    world.write_config(&config);
    let (exit, _, err) = world.command(&["sync"]).await;
    let (sentence, code) = said(&err).unwrap();
    assert_eq!((exit, code), (3, "store.not-a-folder"));
    assert!(sentence.ends_with("this is not a folder"), "{sentence}");
}
