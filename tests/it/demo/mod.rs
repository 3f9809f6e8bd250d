//! The demo as a person sees it: on a screen of some size, in lines, and on the picture of it.

mod picture;

use std::process::{Command, Stdio};

use crate::support::Terminal;

/// Without pauses, since nobody reads along.
const QUICK: [&str; 3] = ["demo", "--pace", "0s"];

/// What the three stories prove.
const PROVED: [&str; 4] = [
    "left and kept TenantAdmin on a disabled account",
    "people vanished at once: that was held as plan-",
    "it got each of them, once, when it was back",
    "Every change was delivered, every signature verified",
];

async fn lines(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qlik-roster"));
    command
        .args(QUICK)
        .args(args)
        .env_clear()
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text + &errors)
}

/// Returns the row in which a text is shown.
fn row_of(screen: &vt100::Screen, text: &str) -> Option<usize> {
    let contents = screen.contents();
    contents.lines().position(|line| line.contains(text))
}

/// Returns the background colour of a text.
fn ground_of(screen: &vt100::Screen, text: &str) -> vt100::Color {
    let (_, columns) = screen.size();
    let row = row_of(screen, text).unwrap_or_else(|| panic!("{}", screen.contents()));
    let row = u16::try_from(row).unwrap();
    // The text may be anywhere in the row; a coloured background is under all of it.
    let cells = (0..columns.get()).filter_map(|column| screen.cell(row, column));
    cells
        .map(vt100::Cell::bgcolor)
        .find(|colour| *colour != vt100::Color::Default)
        .unwrap_or(vt100::Color::Default)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_three_stories_in_lines_where_there_is_no_terminal() {
    for users in ["10", "60", "500"] {
        let (code, text) = lines(&["--users", users]).await;

        assert_eq!(code, 0, "{text}");
        for what in PROVED {
            assert!(text.contains(what), "{what}: {text}");
        }
        assert!(text.contains("0 missed, 0 false, 0 twice"), "{text}");
        assert!(text.contains("\"type\": \"user.updated\""), "{text}");
        assert!(text.contains("qlik-roster init"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyday_life_goes_on_where_there_is_time() {
    let (code, text) = lines(&["--users", "60", "--for", "7s"]).await;

    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Everyday life"), "{text}");
    assert!(text.contains("0 missed, 0 false, 0 twice"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_holds_its_place_on_a_screen_of_any_size() {
    for size in [(80, 24), (120, 40)] {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::run(folder.path(), size, &QUICK);

        assert_eq!(terminal.end().await, 0, "{}", terminal.screen());

        let screens = terminal.screens();
        let places: Vec<_> = screens
            .iter()
            .map(|screen| {
                assert!(screen.alternate_screen() && screen.hide_cursor());
                [
                    "People, as qlik-roster knows them",
                    "What changed there",
                    "What was delivered",
                ]
                .map(|heading| row_of(screen, heading).unwrap())
            })
            .collect();
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
        let shows = |text: &str| {
            let mut screens = screens.iter();
            let found = screens.find(|screen| screen.contents().contains(text));
            found.unwrap_or_else(|| panic!("no screen shows {text}"))
        };
        // What matters stands out, and people are shown as qlik-roster has them.
        let finding = shows("access.disabled-admin");
        assert_eq!(
            ground_of(finding, "access.disabled-admin"),
            vt100::Color::Idx(1)
        );
        assert!(finding.contents().contains("disabled    TenantAdmin"));
        let held = shows("Nobody was told");
        assert!(held.contents().contains("is held: 51 of 501 users"));
        assert_eq!(ground_of(held, "Nobody was told"), vt100::Color::Idx(3));
        let down = shows("4 events are kept on disk");
        assert_eq!(
            ground_of(down, "The receiver accepts nothing"),
            vt100::Color::Idx(1)
        );
        shows("All 4 events were delivered, once each.");
        // At the end the terminal is as it was, with what was proved on it.
        let after = terminal.cells();
        assert!(!after.alternate_screen() && !after.hide_cursor());
        let left: Vec<_> = after
            .contents()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let left = left.join(" ");
        for what in PROVED
            .iter()
            .chain(&["What this showed", "qlik-roster init"])
        {
            assert!(left.contains(what), "{what}: {left}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_follows_the_terminals_size_and_gives_it_back_at_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::run(folder.path(), (80, 24), &["demo", "--pace", "60s"]);
    terminal
        .shows("501 users, 13 groups and 20 roles read")
        .await;
    let width = |terminal: &Terminal| {
        let contents = terminal.screen();
        let rule = contents
            .lines()
            .find(|line| line.contains("What changed there"));
        rule.map(|line| line.chars().count())
    };
    assert_eq!(width(&terminal), Some(80));

    terminal.resize((132, 43));
    crate::support::within("the screen is as wide as the terminal", || async {
        width(&terminal) == Some(132)
    })
    .await;
    terminal.enter("\u{3}");

    assert_eq!(terminal.end().await, 0, "{}", terminal.screen());
    let after = terminal.cells();
    assert!(!after.alternate_screen() && !after.hide_cursor());
    assert!(
        after
            .contents()
            .contains("It ended before 3 of its stories were told."),
        "{}",
        after.contents()
    );
}
