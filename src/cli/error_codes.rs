//! The exit code of each failure, and its code in `docs/errors.md`.

use std::error::Error;
use std::io;

use crate::config::ConfigError;
use crate::control::{ControlError, Problem};
use crate::daemon::{DiscoverError, StartError};
use crate::store::{CheckError, CompactError, OpenError, StoreError};

use super::Exit;
use super::error::CliError;
use super::init::InitError;
use super::output::ColumnsError;
use super::store_client::NoStore;

/// Returns the exit code for a failure.
pub(super) fn exit_of(failure: &anyhow::Error) -> Exit {
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
        if let Some(refused) = cause.downcast_ref::<Problem>() {
            return of_code(refused.code());
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

/// Returns the code under which `docs/errors.md` explains a failure: that of the innermost layer
/// that has one.
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
        Problem,
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

/// Returns the exit code for a question that was not answered.
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
