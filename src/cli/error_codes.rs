//! The exit code of each failure, and its code in `docs/errors.md`.

use std::error::Error;
use std::io;

use crate::config::ConfigError;
use crate::control::{ControlError, SentError};
use crate::daemon::{DiscoverError, StartError};
use crate::store::{BackupError, CheckError, CompactError, OpenError, RestoreError, StoreError};

use super::Exit;
use super::error::CliError;
use super::init::InitError;
use super::output::ColumnsError;
use super::store_client::NoStore;

/// Returns the exit code for a failure.
pub(super) fn exit_of(failure: &anyhow::Error) -> Exit {
    let known = failure.chain().find_map(known);
    known.map_or(Exit::Failure, |(_, exit)| exit)
}

/// Returns the code under which `docs/errors.md` explains a failure.
pub(super) fn code(failure: &anyhow::Error) -> String {
    let has = |is: fn(&(dyn Error + 'static)) -> bool| failure.chain().any(is);
    let code = match failure.chain().find_map(known) {
        Some((code, _)) => code,
        None if has(<dyn Error>::is::<reqwest::Error>) => "cli.daemon-gone",
        None if has(<dyn Error>::is::<io::Error>) => "cli.io",
        None => "cli.failed",
    };
    code.to_owned()
}

/// Returns the code and the exit code of an error, if it is of a type that has them. In a chain,
/// the first such error decides: it knows what its causes mean for the command.
fn known<'a>(cause: &'a (dyn Error + 'static)) -> Option<(&'a str, Exit)> {
    /// Tries the given error types one after the other.
    macro_rules! first {
        ($($failure:ty => $exit:expr),+ $(,)?) => {
            $(if let Some(failure) = cause.downcast_ref::<$failure>() {
                let exit: fn(&$failure) -> Exit = $exit;
                return Some((failure.code(), exit(failure)));
            })+
        };
    }
    first!(
        CliError => CliError::exit,
        ColumnsError => |_| Exit::Usage,
        InitError => InitError::exit,
        NoStore => |_| Exit::NotFound,
        SentError => |refused| of_code(refused.code()),
        ConfigError => |_| Exit::Usage,
        ControlError => |refused| of_code(refused.code()),
        StartError => of_start,
        DiscoverError => of_discovery,
        OpenError => |_| Exit::Store,
        CompactError => of_compaction,
        CheckError => of_check,
        BackupError => |_| Exit::Store,
        RestoreError => |_| Exit::Store,
        StoreError => |_| Exit::Store,
    );
    None
}

fn of_compaction(failure: &CompactError) -> Exit {
    match failure {
        CompactError::NoStore { .. } => Exit::NotFound,
        CompactError::Open { .. }
        | CompactError::NoSpace { .. }
        | CompactError::UnderWay
        | CompactError::Failed { .. } => Exit::Store,
    }
}

fn of_check(failure: &CheckError) -> Exit {
    match failure {
        CheckError::NoStore { .. } => Exit::NotFound,
        CheckError::Open { .. } | CheckError::NoSpace { .. } | CheckError::Copy { .. } => {
            Exit::Store
        }
    }
}

fn of_discovery(failure: &DiscoverError) -> Exit {
    match failure {
        DiscoverError::Fetch { .. } => Exit::Source,
        DiscoverError::Client { .. } => Exit::Failure,
        DiscoverError::Store { .. } => Exit::Store,
    }
}

fn of_start(failure: &StartError) -> Exit {
    match failure {
        StartError::Open { .. }
        | StartError::Store { .. }
        | StartError::Token { .. }
        | StartError::Tenants {
            source: DiscoverError::Store { .. },
        } => Exit::Store,
        StartError::Deliver { source } if source.is_fatal() => Exit::Store,
        StartError::Deliver { .. }
        | StartError::Tenants { .. }
        | StartError::Client { .. }
        | StartError::Socket { .. }
        | StartError::Tls { .. }
        | StartError::Listen { .. } => Exit::Failure,
    }
}

/// Returns the exit code for a question that was not answered.
fn of_code(code: &str) -> Exit {
    match code {
        "control.unknown-tenant" | "control.unknown-endpoint" | "control.unknown-export" => {
            Exit::Usage
        }
        "control.unknown-plan"
        | "control.unknown-event"
        | "control.unknown-finding"
        | "control.not-accepted"
        | "control.unknown-token"
        | "control.other-store"
        | "control.not-parked" => Exit::NotFound,
        code if code.starts_with("store.") => Exit::Store,
        _ => Exit::Failure,
    }
}
