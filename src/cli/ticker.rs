//! Says on standard error what a command is waiting for, once that takes more than a second.
//!
//! A terminal shows it in one line, which is erased when something else is written, and at the end.
//! Elsewhere a plain line is written now and then. The text is what this process says about its own
//! work ([`crate::doing`]).

use std::fmt::Display;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use terminal_size::Width;
use unicode_width::UnicodeWidthStr;

use crate::doing;
use crate::lock::{lock, wait_while};
use crate::printable;
use crate::status_line;

use super::style::say;
use super::table::shorten;

/// Nothing is shown before this time.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often we check.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// After how many seconds a plain line is written; after the last of these, once a minute.
const PLAIN_AT: [u64; 4] = [1, 10, 30, 60];

/// The width that we assume for a terminal that does not report its own.
const USUAL_WIDTH: usize = 80;

/// How many things one line reports at most.
const TOLD: usize = 3;

/// When the present wait began, and whether the command is over.
static STATE: Mutex<State> = Mutex::new(State {
    since: None,
    is_over: false,
});

static TURNED: Condvar = Condvar::new();

struct State {
    since: Option<Instant>,
    is_over: bool,
}

/// Shows what is going on until it is dropped.
pub(super) struct Ticker(Option<JoinHandle<()>>);

impl Ticker {
    /// Starts along with a command.
    pub(super) fn start() -> Self {
        restart();
        let watch = match status_line::can_draw() {
            true => watch_on_terminal,
            false => watch_plainly,
        };
        let thread = thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(watch);
        // Without it the command does the same, but silently.
        Self(thread.ok())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        state().is_over = true;
        TURNED.notify_all();
        if let Some(thread) = self.0.take() {
            drop(thread.join());
        }
    }
}

/// Starts the wait again: so far, the user did not wait, or wanted to.
pub(super) fn restart() {
    state().since = Some(Instant::now());
    status_line::wipe();
}

fn watch_on_terminal() {
    let mut shown = String::new();
    while let Some(passed) = look() {
        let text = drawn(passed, doing::now());
        match (text.is_empty(), text == shown) {
            (true, true) => {}
            (true, false) => status_line::wipe(),
            // Drawn even if it is the same: something else may have erased it.
            (false, _) => status_line::draw(&fitted(&text, width())),
        }
        shown = text;
    }
    status_line::wipe();
}

/// Returns what a terminal shows after a wait of this length; empty if it shows nothing.
fn drawn(passed: Duration, what: Option<String>) -> String {
    let what = what.filter(|_| passed >= PATIENCE);
    what.map(|what| line(passed, &what)).unwrap_or_default()
}

fn watch_plainly() {
    let mut plain = Plain::default();
    while let Some(passed) = look() {
        if let Some(line) = plain.line(passed, doing::now) {
            say(line);
        }
    }
}

/// The plain lines of a command.
#[derive(Debug, Default)]
struct Plain {
    before: Duration,
    n_said: usize,
}

impl Plain {
    /// Returns the line that is due after a wait of this length, if one is.
    fn line(&mut self, passed: Duration, now: impl FnOnce() -> Option<String>) -> Option<String> {
        // The wait was started again.
        if passed < self.before {
            self.n_said = 0;
        }
        self.before = passed;
        if passed < due(self.n_said) {
            return None;
        }
        let what = now()?;
        while passed >= due(self.n_said) {
            self.n_said += 1;
        }
        Some(line(passed, &what))
    }
}

/// Returns how long after the start the next plain line is due.
fn due(n_said: usize) -> Duration {
    let last = PLAIN_AT.last().copied().unwrap_or_default();
    let beyond = |n: usize| last + 60 * (n + 1 - PLAIN_AT.len()) as u64;
    let seconds = PLAIN_AT.get(n_said).copied();
    Duration::from_secs(seconds.unwrap_or_else(|| beyond(n_said)))
}

/// Waits a moment, and returns how long the wait has lasted. `None` if the command is over.
fn look() -> Option<Duration> {
    let state = wait_while(&TURNED, state(), LOOK_EVERY, |state| !state.is_over);
    let since = state.since.filter(|_| !state.is_over)?;
    Some(since.elapsed())
}

fn line(passed: Duration, what: &str) -> String {
    let text = format!("[{}] {what}", span(passed));
    printable::line(&text).into_owned()
}

fn span(passed: Duration) -> String {
    let seconds = passed.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Cuts a text to a terminal's width: a line that wraps cannot be erased.
fn fitted(text: &str, width: usize) -> String {
    // The last column stays free: some terminals wrap when it is written.
    let width_left = width.saturating_sub(1);
    match text.width() > width_left {
        true => shorten(text, width_left),
        false => text.to_owned(),
    }
}

fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or(USUAL_WIDTH, |(Width(width), _)| usize::from(width))
}

fn state() -> MutexGuard<'static, State> {
    lock(&STATE)
}

/// Reports the progress of several things in one line.
pub(super) fn side_by_side(rows: &[(impl Display, impl Display)]) -> String {
    let told = rows.iter().take(TOLD);
    let mut parts: Vec<_> = told.map(|(name, how)| format!("{name}: {how}")).collect();
    if rows.len() > TOLD {
        parts.push(format!("{} more", rows.len() - TOLD));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_comes_more_and_more_rarely() {
        let due: Vec<u64> = (0..7).map(|n| due(n).as_secs()).collect();

        assert_eq!(due, [1, 10, 30, 60, 120, 180, 240]);
    }

    #[test]
    fn nothing_is_said_in_the_first_second_or_of_nothing() {
        let mut plain = Plain::default();
        for (millis, what, expected) in [
            (999, Some("checking the store: 12 rows"), None),
            (1_000, None, None),
            (
                1_100,
                Some("checking the store: 1,200 rows"),
                Some("[1 s] checking the store: 1,200 rows"),
            ),
            // Plain lines stay on screen, so there are only a few.
            (9_999, Some("checking the store: 9,000 rows"), None),
            (
                12_000,
                Some("checking the store: 11,000 rows"),
                Some("[12 s] checking the store: 11,000 rows"),
            ),
            // The wait starts again.
            (100, Some("syncing"), None),
            (1_000, Some("syncing"), Some("[1 s] syncing")),
        ] {
            let passed = Duration::from_millis(millis);
            let what = || what.map(str::to_owned);

            let said = plain.line(passed, what);

            assert_eq!(said.as_deref(), expected, "after {millis}");
            let on_terminal = match (millis < 1_000, what()) {
                (false, Some(what)) => line(passed, &what),
                (true, _) | (_, None) => String::new(),
            };
            assert_eq!(drawn(passed, what()), on_terminal, "after {millis}");
        }
    }

    #[test]
    fn a_line_tells_how_long_it_has_been() {
        for (seconds, expected) in [
            (1, "[1 s] reading users"),
            (185, "[3 min 5 s] reading users"),
            (7_260, "[2 h 1 min] reading users"),
        ] {
            assert_eq!(
                line(Duration::from_secs(seconds), "reading users"),
                expected
            );
        }
    }

    #[test]
    fn of_many_things_the_first_are_told() {
        let rows = [
            ("acme", 1),
            ("beta", 2),
            ("gamma", 3),
            ("delta", 4),
            ("eta", 5),
        ];

        assert_eq!(side_by_side(&rows[..2]), "acme: 1; beta: 2");
        assert_eq!(side_by_side(&rows), "acme: 1; beta: 2; gamma: 3; 2 more");
    }

    #[test]
    fn a_line_never_wraps() {
        assert_eq!(fitted("[1 s] reading", 14), "[1 s] reading");
        assert_eq!(fitted("[1 s] reading", 13), "[1 s] readi…");
        // Each of these takes two columns.
        assert_eq!(fitted("[1 s] 東京支社", 14), "[1 s] 東京支…");
    }

    #[test]
    fn what_a_name_says_moves_no_cursor() {
        let text = line(PATIENCE, "reading \u{1b}[2J\nusers");

        assert_eq!(text, "[1 s] reading \\u{1b}[2J\\nusers");
    }
}
