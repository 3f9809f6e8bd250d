//! The exit codes, and which failure leads to which.

use std::process::ExitCode;

/// How a command ends. `docs/cli.md` lists these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Success = 0,
    /// Something failed that has no code of its own.
    Failure = 1,
    /// The arguments or the configuration are wrong.
    Usage = 2,
    /// The store could not be opened or has failed.
    Store = 3,
    /// A tenant or an endpoint did not do what it should.
    Source = 4,
    /// A run was incomplete: whatever it could not see was left unchanged.
    Partial = 5,
    /// Everything is synced, but deliveries wait for a retry or are parked.
    Waiting = 6,
    /// What was asked for does not exist.
    NotFound = 7,
    /// Removals are held and wait for an operator.
    Held = 8,
}

impl Exit {
    /// Returns the more serious of two exit codes.
    #[must_use]
    pub fn graver(self, other: Self) -> Self {
        // The higher the rank, the sooner an operator must know.
        let rank = |exit| match exit {
            Self::Success => 0,
            Self::Waiting => 1,
            Self::Partial => 2,
            Self::Held => 3,
            Self::NotFound => 4,
            Self::Source => 5,
            Self::Failure => 6,
            Self::Store => 7,
            Self::Usage => 8,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
