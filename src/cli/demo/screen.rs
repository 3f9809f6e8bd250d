//! A terminal that is drawn on as a whole, and given back as it was.

use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use crate::cli::style::Colour;

use super::board::{Board, Ink, Line, Span};

/// What a terminal is taken to have that does not say.
const USUAL: (usize, usize) = (80, 24);

/// Switches to a second screen, so that what was on the first comes back; hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// Terminals that know this show a frame when it is whole; others pass over it.
const BEGIN_FRAME: &str = "\x1b[?2026h";
const END_FRAME: &str = "\x1b[?2026l";

/// The second screen of the terminal on standard output, until it is dropped.
pub(super) struct Screen {
    colour: Colour,
}

impl Screen {
    /// Takes the terminal, if standard output is one that can be drawn on.
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

    /// Draws the whole board, at the size that the terminal has now.
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

/// Puts each line in its place and wipes the rest, so that nothing scrolls.
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
    // Nobody is left to show it to if the terminal is gone.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
