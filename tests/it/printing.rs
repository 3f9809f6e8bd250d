//! What is printed for people and for programs: nothing that acts on a terminal, tables that fit.

use qlik_roster::clock::Clock;
use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, NewUser, RateLimits, Status, TenantOptions, When,
};
use qlik_roster::model::{EndpointName, Seq, Timestamp};
use qlik_roster::printable;
use qlik_roster::store::{Attempt, Item, Progress};
use serde_json::Value;

use crate::support::{Terminal, World};

/// Moves the cursor, in both ways; turns the direction of writing; breaks the line; ends a string.
const NASTY: &str =
    "=Eve\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}a\r\nforged\t\u{0}\u{85}z";

const LISTS: &[&[&str]] = &[
    &["users"],
    &["roles"],
    &["groups"],
    &["spaces"],
    &["tenants"],
    &["runs"],
    &["events"],
    &["findings"],
    &["deliveries"],
    &["endpoints", "list"],
    &["plan", "list"],
    &["status"],
];

/// A tenant in which everything has this name, with an event about each.
async fn nasty_world() -> (World, String) {
    let world = World::new().await;
    let directory = world.tenant.directory();
    let (_, _, err) = world.command(&["sync"]).await;
    assert!(printable::lines(&err) == err, "{err:?}");
    let role = directory.create_role(&format!("role {NASTY}"));
    let group = directory.create_group(&format!("group {NASTY}"));
    let eve = directory
        .create_user(NewUser {
            name: NASTY.to_owned(),
            subject: Some(format!("@{NASTY}")),
            email: Some(format!("-{NASTY}@example.com")),
            status: Status::Active,
            roles: vec![role],
            groups: vec![group],
            client_id: None,
            invite_expires_at: None,
        })
        .unwrap();
    world.command(&["sync"]).await;
    (world, eve.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_outside_acts_on_a_terminal_or_a_spreadsheet() {
    let (world, eve) = nasty_world().await;
    let shows: &[&[&str]] = &[
        &["users", "show", &eve],
        &["users", "show", &eve, "--raw"],
        &["users", "show", "nobody \u{1b}[2J\u{202e}\n"],
        &["roles", "show", "no role \u{9b}31m"],
        &["users", "--tenant", "ac\u{1b}[2Jme\n"],
        &["events", "show", "evt_\u{1b}[2J"],
        &["runs", "show", "run-\u{1b}[2J\u{202e}"],
        &["plan", "show", "plan-\u{1b}[2J"],
        &["endpoints", "enable", "\u{1b}[2J\u{202e}"],
        &["users", "--columns", "na\u{1b}[2Jme"],
        &["users", "--no-such-\u{1b}[2J-argument\nerror: forged"],
        &["no-such\u{1b}[2J\u{202e}-command"],
        &["sync", "--dry-run"],
        &["check"],
    ];
    let mut n_shown = 0;
    for command in LISTS.iter().chain(shows) {
        for format in ["table", "json", "jsonl", "csv"] {
            let args = [*command, &["--output", format]].concat();

            let (_, out, err) = world.command(&args).await;

            assert_eq!(printable::lines(&out), out, "{args:?}");
            assert_eq!(printable::lines(&err), err, "{args:?}");
            // A line that a name forges would begin with the words of that name.
            let is_forged = |line: &str| line.starts_with("forged") || line == "error: forged";
            assert!(!out.lines().chain(err.lines()).any(is_forged), "{args:?}");
            n_shown += usize::from(out.contains("=Eve"));
            if format == "csv" && !command.contains(&"--raw") {
                let runs = |cell: &str| cell.starts_with(['=', '@']);
                let cells = || out.lines().flat_map(|line| line.split(','));
                assert!(!cells().any(runs), "{args:?}: {out}");
            }
        }
    }
    assert!(n_shown >= 8, "the names were shown {n_shown} times");

    let (_, out, _) = world.command(&["users", "--output", "json"]).await;
    let users: Value = serde_json::from_str(&out).unwrap();
    let is_eve = |user: &Value| user["name"] == NASTY;
    assert!(
        users.as_array().unwrap().iter().any(is_eve),
        "JSON means the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_answers_acts_on_no_terminal() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let user = world.tenant.directory().users()[1].id.clone();
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    let directory = world.tenant.directory();
    directory.update_user(&user, renamed).unwrap();
    let says = Reply::Says {
        status: 404,
        text: NASTY.to_owned(),
    };
    world.receiver.respond_with(says, When::Always);
    let (_, out, err) = world.command(&["sync"]).await;
    assert_eq!(printable::lines(&out), out);
    assert_eq!(printable::lines(&err), err);

    let mut n_shown = 0;
    for command in [
        &["deliveries", "--failed"][..],
        &["deliveries", "--waiting"],
        &["deliveries", "show", "2"],
        &["endpoints"],
        &["status"],
    ] {
        for format in ["table", "json", "jsonl", "csv"] {
            let args = [command, &["--output", format]].concat();

            let (_, out, err) = world.command(&args).await;

            assert_eq!(printable::lines(&out), out, "{args:?}");
            assert_eq!(printable::lines(&err), err, "{args:?}");
            let lines = || out.lines().chain(err.lines());
            assert!(
                !lines().any(|line| line.starts_with("forged")),
                "{args:?}: {out}"
            );
            n_shown += usize::from(out.contains("=Eve"));
        }
    }
    assert!(n_shown > 0, "the answer was never shown");
}

fn width(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_fits_80_120_and_200_columns_with_a_record_a_line() {
    let (world, _) = nasty_world().await;
    for command in LISTS {
        let full = [*command, &["--wide"]].concat();
        let (_, full, _) = world.command(&full).await;
        for columns in ["80", "120", "200"] {
            let (_, out, err) = world.command_with(&[("COLUMNS", columns)], command).await;

            let most: usize = columns.parse().unwrap();
            for line in out.lines() {
                assert!(width(line) <= most, "{command:?} at {columns}: {line}");
            }
            assert_eq!(
                out.lines().count(),
                full.lines().count(),
                "{command:?} at {columns}: {out}"
            );
            // The shortened header has no cut names: each is in the full header too.
            let (header, whole) = (out.lines().next().unwrap(), full.lines().next().unwrap());
            let names = header
                .split("  ")
                .map(str::trim)
                .filter(|name| !name.is_empty());
            for name in names {
                assert!(whole.contains(name), "{command:?} at {columns}: {name}");
            }
            let is_cut = out.contains('…') || width(header) < width(whole);
            assert_eq!(
                err.contains("--wide"),
                is_cut,
                "{command:?} at {columns}: {err}\n{out}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_records_look_so() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
    let options = TenantOptions {
        users: 12,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let directory = world.tenant.directory();
    let user = directory.users()[3].id.clone();
    let admin = directory.role_named("TenantAdmin").unwrap();
    directory
        .update_user(&user, Edit::AssignRole(admin))
        .unwrap();
    world.command(&["sync"]).await;

    for kind in ["users", "roles", "groups"] {
        let mut shown = String::new();
        for columns in ["80", "120", "200"] {
            let (_, out, _) = world
                .command_with(&[("COLUMNS", columns)], &[kind, "--limit", "6"])
                .await;
            shown = format!("{shown}at {columns}:\n{out}\n");
        }
        insta::assert_snapshot!(format!("table_of_{kind}"), shown);
    }
}

/// Replaces what differs from one process to the next by a fixed text of the same width.
fn steady(text: &str) -> String {
    let mut steady = text.to_owned();
    let mut from = 0;
    while let Some(at) = steady[from..].find("127.0.0.1:") {
        let port = from + at + "127.0.0.1:".len();
        let rest = &steady[port..];
        let n_digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        steady.replace_range(port..port + n_digits, &"9".repeat(n_digits));
        from = port;
    }
    let (size, unit) = (" KiB on disk", "999.9");
    if let Some(at) = steady.find(size) {
        let number = steady[..at].rsplit(' ').next().unwrap().to_owned();
        assert_eq!(number.len(), unit.len(), "{number}");
        steady = steady.replace(&format!("{number}{size}"), &format!("{unit}{size}"));
    }
    steady
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_what_happens_look_so() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
    let options = TenantOptions {
        users: 40,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let users = directory.users();
    let admin = directory.role_named("TenantAdmin").unwrap();
    let disabled = &users[3].id;
    let assign = Edit::AssignRole(admin);
    directory.update_user(disabled, assign).unwrap();
    let disable = Edit::Status(Status::Disabled);
    directory.update_user(disabled, disable).unwrap();
    let name = Edit::Name("Zoë Ångström".to_owned());
    directory.update_user(&users[5].id, name).unwrap();
    running.sync().await;
    for user in &users[10..30] {
        directory.delete_user(&user.id).unwrap();
    }
    running.sync().await;
    running.settled().await;

    for list in [
        "tenants",
        "runs",
        "events",
        "findings",
        "plan",
        "endpoints",
        "status",
    ] {
        let mut shown = String::new();
        for columns in ["80", "120", "200"] {
            let (_, out, err) = world.command_with(&[("COLUMNS", columns)], &[list]).await;
            shown = format!("{shown}at {columns}:\n{out}{err}\n");
        }
        insta::assert_snapshot!(format!("table_of_{list}"), steady(&shown));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_deliveries_looks_so() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    let at = |seconds: i64| {
        let first = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
        Timestamp::from_millis(first.millis() + seconds * 1_000)
    };
    let attempt = |seq, event_type: &'static str, number, status, error: Option<&str>| Attempt {
        item: Item::Entry(Seq(seq)),
        event_type: event_type.into(),
        number,
        at: at(i64::from(number) * 7),
        took_ms: 31 * number,
        status,
        answer: "".into(),
        error: error.map(Into::into),
    };
    let hr = EndpointName("hr".to_owned());
    let store = world.store();
    let rejected = "deliver.rejected: the receiver answered 404, which says that it does not know this address";
    let progress = Progress {
        attempts: vec![
            attempt(2, "user.updated", 1, Some(200), None),
            attempt(3, "user.created", 2, Some(404), Some(rejected)),
            attempt(
                4,
                "group.deleted",
                3,
                None,
                Some("deliver.timeout: no answer in 30 s"),
            ),
        ],
        ..Progress::of(store.cursor(&hr).unwrap().unwrap())
    };
    let mut log = store.attempt_log(&hr).unwrap();
    store.save_progress(&hr, &mut log, progress).unwrap();
    store.close().unwrap();

    let mut shown = String::new();
    for columns in ["80", "120", "200"] {
        let (_, out, err) = world
            .command_with(&[("COLUMNS", columns)], &["deliveries"])
            .await;
        shown = format!("{shown}at {columns}:\n{out}{err}\n");
    }
    insta::assert_snapshot!("table_of_deliveries", shown);
}

/// Returns the colour of a text on a screen, and whether it is bold.
fn colour_of(screen: &vt100::Screen, text: &str) -> (vt100::Color, bool) {
    let (_, columns) = screen.size();
    for (row, line) in (0..).zip(screen.rows(0, columns.get())) {
        if let Some((before, _)) = line.split_once(text) {
            let column = u16::try_from(width(before)).unwrap();
            let cell = screen.cell(row, column).unwrap();
            return (cell.fgcolor(), cell.bold());
        }
    }
    panic!("`{text}` is not there: {}", screen.contents());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_states_in_colour_and_times_by_their_distance() {
    const RED: vt100::Color = vt100::Color::Idx(1);
    const GREEN: vt100::Color = vt100::Color::Idx(2);
    const YELLOW: vt100::Color = vt100::Color::Idx(3);
    let world = World::new().await;
    let directory = world.tenant.directory();
    let users = directory.users();
    let admin = directory.role_named("TenantAdmin").unwrap();
    let assign = Edit::AssignRole(admin);
    directory.update_user(&users[3].id, assign).unwrap();
    world.command(&["sync"]).await;
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    directory.update_user(&users[5].id, renamed).unwrap();
    for user in &users[10..50] {
        directory.delete_user(&user.id).unwrap();
    }
    world
        .receiver
        .respond_with(Reply::Status(503), When::Always);
    world.command(&["sync"]).await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    world.command(&["sync", "--no-deliver"]).await;

    let called = users[3].id.to_string();
    let looks: &[(&[&str], &str, vt100::Color)] = &[
        (&["tenants"], "failing", RED),
        (&["plan"], "held", YELLOW),
        (&["endpoints"], "trouble", RED),
        (&["status"], "trouble", RED),
        (&["status"], "failed", RED),
        (&["runs"], "succeeded", GREEN),
        (&["runs"], "failed", RED),
        (&["runs"], "held", YELLOW),
        (&["deliveries"], "deliver.", RED),
        (&["users", "--role", "TenantAdmin"], "TenantAdmin", RED),
        (&["users", "show", &called], "TenantAdmin", RED),
    ];
    for (args, word, expected) in looks {
        let mut terminal = Terminal::run(&world.path(""), (200, 40), args);
        terminal.end().await;

        let colour = colour_of(&terminal.cells(), word).0;
        assert_eq!(colour, *expected, "{args:?}: {word}\n{}", terminal.screen());

        // In a pipe, and if somebody asks for it, there is no colour.
        let (_, out, err) = world.command(args).await;
        assert!(out.contains(word), "{args:?}: {out}");
        assert!(
            !out.contains('\u{1b}') && !err.contains('\u{1b}'),
            "{out:?}{err:?}"
        );
        let less = [("NO_COLOR", "1")];
        let mut terminal = Terminal::run_with(&less, &world.path(""), (200, 40), args);
        terminal.end().await;
        let colour = colour_of(&terminal.cells(), word).0;
        assert_eq!(colour, vt100::Color::Default, "{args:?}: {word}");
    }

    for list in ["runs", "events", "deliveries", "plan"] {
        let mut terminal = Terminal::run(&world.path(""), (200, 40), &[list, "--limit", "1"]);
        terminal.end().await;
        let screen = terminal.screen();
        let is_distance = screen.contains(" ago ") || screen.contains("just now");
        assert!(is_distance && !screen.contains("Z "), "{list}: {screen}");

        let (_, out, _) = world.command(&[list, "--limit", "1"]).await;
        let is_distance = out.contains(" ago ") || out.contains("just now");
        let cells = out.lines().nth(1).unwrap().split_whitespace();
        let is_exact = |cell: &str| Timestamp::parse(cell).is_some();
        assert!(
            !is_distance && cells.into_iter().any(is_exact),
            "{list}: {out}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_chosen_by_name_and_a_slip_is_pointed_out() {
    let world = World::new().await;
    world.command(&["sync"]).await;

    let args = ["users", "--columns", "email,name", "--output", "csv"];
    let (code, out, _) = world.command(&args).await;
    assert_eq!((code, out.lines().next()), (0, Some("email,name")));
    let (_, out, _) = world.command(&["users", "--columns", "Name"]).await;
    assert_eq!(out.lines().next(), Some("NAME"));

    let (code, out, err) = world.command(&["users", "--columns", "name,emial"]).await;
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        err.contains("`emial`, did you mean `email`?") && err.contains("[cli.unknown-column]"),
        "{err}"
    );
    let (code, _, err) = world
        .command(&["users", "--columns", "name", "--output", "json"])
        .await;
    assert!(code == 2 && err.contains("[cli.columns-of-json]"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_another_word_lists() {
    let world = World::new().await;
    world.command(&["sync"]).await;
    for command in ["plan", "endpoints", "runs", "users", "events", "deliveries"] {
        let (code, bare, err) = world.command(&[command, "--output", "csv"]).await;
        let (_, listed, _) = world.command(&[command, "list", "--output", "csv"]).await;

        assert_eq!(code, 0, "{command}: {err}");
        assert_eq!(bare, listed, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_one_name_wherever_it_is_shown() {
    let world = World::new().await;
    let config = world.standard_config();
    let log = "[log]\nformat = \"json\"\nlevel = \"info\"";
    world.write_config(&config.replace("[log]\nlevel = \"off\"", log));
    let (_, _, err) = world.command(&["sync"]).await;
    let tenant = world.tenant.directory();
    tenant.create_user(NewUser::named("Maria Silva")).unwrap();
    world.command(&["sync"]).await;

    for command in LISTS {
        let (_, out, _) = world.command(&[*command, &["--wide"]].concat()).await;
        assert!(!out.contains("Acme Analytics"), "{command:?}: {out}");
    }
    let (_, out, _) = world.command(&["events", "--columns", "tenant"]).await;
    assert!(out.lines().skip(1).all(|line| line == "acme"), "{out}");
    let lines = err
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_tenants: Vec<_> = lines.filter(|line| line["tenant.id"].is_string()).collect();
    assert!(!of_tenants.is_empty(), "{err}");
    for line in of_tenants {
        assert_eq!(line["tenant.name"], "acme", "{line}");
        assert!(
            line["message"].as_str().unwrap().contains("`acme`"),
            "{line}"
        );
    }
}
