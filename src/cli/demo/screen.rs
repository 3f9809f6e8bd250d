//! A terminal that is used as a full screen, and restored afterwards.

use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use crate::cli::style::Colour;

use super::board::{Board, Ink, Line, Span};

/// The size that we assume for a terminal that does not report its own.
const USUAL: (usize, usize) = (80, 24);

/// Switches to the alternate screen, so that the old contents come back later; hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// Terminals that know this sequence show a frame only when it is complete; others ignore it.
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// The alternate screen of the terminal on standard output, until it is dropped.
pub(super) struct Screen {
    colour: Colour,
}

impl Screen {
    /// Takes over the terminal, if standard output is one that we can draw on.
    pub(super) fn enter() -> Option<Self> {
        let out = io::stdout();
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        if is_dumb || !out.is_terminal() {
            return None;
        }
        write_all(ENTER);
        Some(Self {
            colour: Colour::of(&out),
        })
    }

    /// Draws the whole board at the terminal's current size.
    pub(super) fn draw(&self, board: &Board) {
        let size = tcgetwinsize(io::stdout()).ok();
        let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        let (columns, rows) = match size {
            Some((columns @ 1.., rows @ 1..)) => (columns, rows),
            Some(_) | None => USUAL,
        };
        write_all(&frame(&board.render(columns, rows), self.colour));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        write_all(LEAVE);
    }
}

/// Writes each line at its position and clears the rest, so that nothing scrolls.
fn frame(lines: &[Line], colour: Colour) -> String {
    let mut text = vec![BEGIN_FRAME.to_owned()];
    for (row, line) in (1..).zip(lines) {
        text.push(format!("\x1b[{row};1H"));
        text.extend(line.iter().map(|span| painted(span, colour)));
        text.push("\x1b[K".to_owned());
    }
    text.push(format!("\x1b[J{END_FRAME}"));
    text.concat()
}

/// Returns a text with the codes of its ink.
pub(super) fn painted(Span(ink, text): &Span, colour: Colour) -> String {
    let code = match ink {
        Ink::Plain => return text.clone(),
        Ink::Bold => "1",
        Ink::Dim => "2",
        Ink::Good => "32",
        Ink::Alert => "1;30;43",
        Ink::Bad => "1;97;41",
    };
    match colour {
        Colour::On => format!("\x1b[{code}m{text}\x1b[0m"),
        Colour::Off => text.clone(),
    }
}

fn write_all(text: &str) {
    let mut out = io::stdout().lock();
    // If the terminal is gone, nobody can see it.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
