//! Failures of commands themselves, where no layer below has a word for them.

use std::fmt;

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
