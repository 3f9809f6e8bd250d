//! How the command line speaks to people: colour where a terminal shows it, and complaints.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};

/// A colour or weight of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Headings and names.
    Bold,
    /// What matters less.
    Dim,
    /// What went well.
    Good,
    /// What failed.
    Bad,
}

/// Whether to use colour on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// The stream is a terminal and nobody asked for less.
    On,
    /// It is not.
    Off,
}

impl Colour {
    /// Looks at a stream; `NO_COLOR` (no-color.org) is the way to ask for less.
    pub(super) fn of(stream: &impl IsTerminal) -> Self {
        let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !declined {
            Self::On
        } else {
            Self::Off
        }
    }

    /// Wraps a text in a tone.
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
            Tone::Bad => "31",
        };
        match self.colour {
            Colour::On => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            Colour::Off => self.text.fmt(f),
        }
    }
}

/// Tells on standard error why a command failed, cause by cause.
pub(super) fn complain(failure: &anyhow::Error) {
    let stream = io::stderr();
    let label = Colour::of(&stream).paint(Tone::Bad, "error");
    let mut out = stream.lock();
    // Nobody is left to tell if standard error is gone.
    drop(writeln!(out, "{label}: {failure}"));
    for cause in failure.chain().skip(1) {
        drop(writeln!(out, "  {cause}"));
    }
}

/// Tells something on standard error.
pub(super) fn say(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
