//! Why a command failed, as it is told on standard error: what was tried and why it did not work, in one
//! line, with the code that `docs/errors.md` explains.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use super::exit;
use super::style::{Colour, Tone};
use crate::config::ConfigError;
use crate::printable;
use crate::telemetry::chain;

/// A failure of a command itself, where no layer below has a word for it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The daemon and the command do not understand each other.
    #[error(
        "the daemon's answer cannot be understood: it is of another version than this command; \
         start it again with this version"
    )]
    OtherVersion,
    /// What was typed does not go together, or names what is not there.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotThere(String),
    /// What was to be done cannot be done as things are.
    #[error("{0}")]
    Impossible(String),
}

impl CliError {
    /// Makes one of why an argument cannot be read.
    pub(super) fn usage(why: impl fmt::Display) -> Self {
        Self::Usage(why.to_string())
    }

    /// Returns the code that `docs/errors.md` explains.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::OtherVersion => "cli.other-version",
            Self::Usage(_) => "cli.usage",
            Self::NotThere(_) => "cli.not-there",
            Self::Impossible(_) => "cli.impossible",
        }
    }
}

/// Tells why a command failed.
pub(super) fn complain(failure: &anyhow::Error) {
    let stream = io::stderr();
    let label = Colour::of(&stream).paint(Tone::Bad, "error");
    // Nobody is left to tell if standard error is gone.
    drop(writeln!(stream.lock(), "{label}: {}", Complaint(failure)));
}

/// What is told of a failure.
struct Complaint<'a>(&'a anyhow::Error);

impl fmt::Display for Complaint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error: &(dyn Error + 'static) = self.0.as_ref();
        // A configuration has its problems line by line, each with its code.
        if let Some(problems) = error.downcast_ref::<ConfigError>() {
            return f.write_str(&printable::lines(&problems.to_string()));
        }
        // Anything else is one line, whatever a name or an answer in it says.
        let text = chain(error);
        write!(f, "{} [{}]", printable::line(&text), exit::code(self.0))
    }
}
