//! How the command line writes for people: colour if a terminal shows it, and messages.

use std::fmt::{self, Display};
use std::io::{IsTerminal, Write};

use crate::model::Thousands;
use crate::printable;
use crate::status_line::Stderr;

/// A colour or weight of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Headings and names.
    Bold,
    /// Less important text.
    Dim,
    /// Success.
    Good,
    /// Something that needs attention.
    Warn,
    /// Failure.
    Bad,
}

/// Whether to use colour on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// The stream is a terminal and nobody has switched colour off.
    On,
    /// No colour.
    Off,
}

impl Colour {
    /// Looks at a stream; `NO_COLOR` (no-color.org) switches colour off.
    pub(super) fn of(stream: &impl IsTerminal) -> Self {
        let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !declined {
            Self::On
        } else {
            Self::Off
        }
    }

    /// Colours a text in a tone.
    pub(super) fn paint<T: Display>(self, tone: Tone, text: T) -> Painted<T> {
        Painted {
            colour: self,
            tone,
            text,
        }
    }
}

/// A text with its tone.
pub(super) struct Painted<T> {
    colour: Colour,
    tone: Tone,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self.tone {
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
        };
        match self.colour {
            Colour::On => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            Colour::Off => self.text.fmt(f),
        }
    }
}

/// Prints something on standard error, in one line.
pub(super) fn say(text: impl Display) {
    let text = text.to_string();
    tell(&printable::line(&text));
}

/// Prints several lines of our own text on standard error. Values inserted into it must not have
/// line breaks of their own: a path that an operator typed may be inserted, a name may not.
pub(super) fn say_lines(text: impl Display) {
    let text = text.to_string();
    tell(&printable::lines(&text));
}

/// Writes a text to standard error. If that is closed, nobody can be told.
pub(super) fn tell(text: &str) {
    drop(Stderr.write_all(format!("{text}\n").as_bytes()));
}

/// Writes a count in words: `1 user`, `1,200 users`.
pub(super) fn count(n: usize, what: &str) -> String {
    let ending = match n {
        1 => "",
        _ => "s",
    };
    format!("{} {what}{ending}", Thousands(n as u64))
}
