//! The exit codes, and which failure leads to which.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::control::ControlError;
use crate::daemon::{DiscoverError, StartError};
use crate::store::{CheckError, CompactError, OpenError, StoreError};

use super::door::{NoStore, Refused};
use super::failure::CliError;
use super::init::InitError;
use super::output::ColumnsError;

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
    /// A run saw only a part: what it could not see was left as it was.
    Partial = 5,
    /// Everything is synced, but deliveries wait for a retry or were given up on.
    Waiting = 6,
    /// What was asked for is not there.
    NotFound = 7,
    /// Removals are held and wait for an operator.
    Held = 8,
}

impl Exit {
    /// Returns the graver of two.
    #[must_use]
    pub fn graver(self, other: Self) -> Self {
        // In the order of what an operator must know first.
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

/// Returns the exit code for a failure.
pub(super) fn of(failure: &anyhow::Error) -> Exit {
    for cause in failure.chain() {
        if cause.is::<ConfigError>() || cause.is::<ColumnsError>() {
            return Exit::Usage;
        }
        match cause.downcast_ref() {
            Some(CliError::Usage(_)) => return Exit::Usage,
            Some(CliError::NotThere(_)) => return Exit::NotFound,
            Some(CliError::OtherVersion | CliError::Impossible(_)) => return Exit::Failure,
            None => {}
        }
        if let Some(init) = cause.downcast_ref::<InitError>() {
            return init.exit();
        }
        if let Some(control) = cause.downcast_ref::<ControlError>() {
            return of_code(control.code());
        }
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return of_code(&refused.code);
        }
        if let Some(CompactError::NoStore { .. }) = cause.downcast_ref() {
            return Exit::NotFound;
        }
        if cause.is::<NoStore>() {
            return Exit::NotFound;
        }
        if let Some(CheckError::NoStore { .. }) = cause.downcast_ref() {
            return Exit::NotFound;
        }
        if cause.is::<StoreError>() || cause.is::<CompactError>() || cause.is::<CheckError>() {
            return Exit::Store;
        }
        if let Some(discover) = cause.downcast_ref::<DiscoverError>() {
            return match discover {
                DiscoverError::Fetch { .. } => Exit::Source,
                DiscoverError::Client { .. } => Exit::Failure,
                DiscoverError::Store { .. } => Exit::Store,
            };
        }
        if let Some(start) = cause.downcast_ref::<StartError>() {
            return match start {
                StartError::Open { .. }
                | StartError::Store { .. }
                | StartError::Tenants {
                    source: DiscoverError::Store { .. },
                } => Exit::Store,
                StartError::Deliver { source } if source.is_fatal() => Exit::Store,
                StartError::Deliver { .. }
                | StartError::Tenants { .. }
                | StartError::Client { .. }
                | StartError::Socket { .. }
                | StartError::Listen { .. } => Exit::Failure,
            };
        }
    }
    Exit::Failure
}

/// Returns the code under which `docs/errors.md` explains a failure: that of the innermost layer that has
/// one.
pub(super) fn code(failure: &anyhow::Error) -> String {
    let has = |is: fn(&(dyn Error + 'static)) -> bool| failure.chain().any(is);
    let code = match failure.chain().find_map(code_of) {
        Some(code) => code,
        None if has(<dyn Error>::is::<reqwest::Error>) => "cli.daemon-gone",
        None if has(<dyn Error>::is::<io::Error>) => "cli.io",
        None => "cli.failed",
    };
    code.to_owned()
}

fn code_of<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a str> {
    /// Asks each of these types for its code.
    macro_rules! ask {
        ($($failure:ty),+ $(,)?) => {
            $(if let Some(failure) = cause.downcast_ref::<$failure>() {
                return Some(failure.code());
            })+
        };
    }
    ask!(
        CliError,
        ColumnsError,
        InitError,
        NoStore,
        Refused,
        ConfigError,
        ControlError,
        StartError,
        DiscoverError,
        OpenError,
        CompactError,
        CheckError,
        StoreError,
    );
    None
}

/// Returns the exit code for a question that got no answer.
fn of_code(code: &str) -> Exit {
    match code {
        "control.unknown-tenant" | "control.unknown-endpoint" => Exit::Usage,
        "control.unknown-plan"
        | "control.unknown-event"
        | "control.unknown-finding"
        | "control.not-accepted"
        | "control.other-store"
        | "control.not-parked" => Exit::NotFound,
        code if code.starts_with("store.") => Exit::Store,
        _ => Exit::Failure,
    }
}
