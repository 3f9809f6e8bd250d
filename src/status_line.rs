//! The status line at the bottom of a terminal, and the two streams that share the terminal with
//! it.
//!
//! Everything else that is written there first erases the line, so that it never ends up in a
//! result, a message or a log line.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::lock::lock;

/// The code that returns to the beginning of the line and erases it.
const WIPE: &str = "\r\x1b[K";

static STATE: Mutex<State> = Mutex::new(State {
    is_drawn: false,
    position: LinePosition::LineStart,
});

#[derive(Debug)]
struct State {
    is_drawn: bool,
    position: LinePosition,
}

/// Where the output of results ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinePosition {
    /// At the beginning of a line.
    LineStart,
    /// Within a line, which must not be erased.
    Within,
    /// In another program, such as a pager, which may draw on the terminal as well.
    Elsewhere,
}

/// Returns whether standard error is a terminal that can erase a line.
pub fn can_draw() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stderr().is_terminal() && !is_dumb
}

/// Draws the line in place of the one that is there. It must fit the terminal's width.
pub fn draw(text: &str) {
    let mut state = state();
    if state.position == LinePosition::LineStart {
        put(&format!("{WIPE}{text}"));
        state.is_drawn = true;
    }
}

/// Erases the line.
pub fn wipe() {
    state().wipe();
}

/// Standard error, for everything but the status line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = state();
        state.wipe();
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Standard output for results.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let kind = kind();
        if kind != Kind::File {
            let mut state = state();
            state.wipe();
            // The line is not drawn until the results have been written.
            state.position = match kind {
                Kind::Pipe => LinePosition::Elsewhere,
                Kind::Terminal | Kind::File => LinePosition::Within,
            };
        }
        // Without the lock, since the reader may be slow.
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        if kind == Kind::Terminal && bytes.ends_with(b"\n") {
            state().position = LinePosition::LineStart;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// What results go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Terminal,
    /// Another program.
    Pipe,
    /// A file, or anything else that does not show them now.
    File,
}

fn kind() -> Kind {
    static KIND: OnceLock<Kind> = OnceLock::new();
    *KIND.get_or_init(|| {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Kind::Terminal;
        }
        let file = stdout.as_fd().try_clone_to_owned().map(File::from);
        let told = file.and_then(|file| file.metadata());
        let is_read = told.is_ok_and(|told| {
            let kind = told.file_type();
            kind.is_fifo() || kind.is_socket()
        });
        match is_read {
            true => Kind::Pipe,
            false => Kind::File,
        }
    })
}

impl State {
    fn wipe(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            put(WIPE);
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    lock(&STATE)
}

fn put(text: &str) {
    let mut out = io::stderr().lock();
    // If standard error is closed, there is nobody left to tell.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
