//! Failures of the commands themselves, for which no other layer has an error.

use std::fmt;

use super::Exit;

/// A failure of the command itself, for which no other layer has an error.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The daemon and the command do not understand each other.
    #[error(
        "the daemon's answer cannot be understood: it runs another version than this command; \
         restart it with this version"
    )]
    OtherVersion,
    /// The arguments contradict each other, or name something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotThere(String),
    /// The daemon does not run, does not answer, or its store has failed.
    #[error("{0}")]
    Unhealthy(String),
    /// The command cannot be carried out in the present state.
    #[error("{0}")]
    Impossible(String),
}

impl CliError {
    /// Creates the error for an argument that cannot be read.
    pub(super) fn usage(why: impl fmt::Display) -> Self {
        Self::Usage(why.to_string())
    }

    /// Returns the code that `docs/errors.md` explains.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::OtherVersion => "cli.other-version",
            Self::Usage(_) => "cli.usage",
            Self::NotThere(_) => "cli.not-there",
            Self::Unhealthy(_) => "cli.unhealthy",
            Self::Impossible(_) => "cli.impossible",
        }
    }

    /// Returns the exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NotThere(_) => Exit::NotFound,
            Self::OtherVersion | Self::Unhealthy(_) | Self::Impossible(_) => Exit::Failure,
        }
    }
}
