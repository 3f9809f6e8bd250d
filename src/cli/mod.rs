//! The command line: what an operator types, and what comes back.
//!
//! Results go to standard output, everything else to standard error. Exit codes are in
//! [`Exit`], and in `docs/cli.md`. A command that reads the store asks the daemon if one
//! runs, and opens the store itself if none does ([`store_client`]).

mod actor;
mod args;
mod begin;
mod store_client;
mod error;
mod error_codes;
mod exit;
mod failure;
mod files;
mod output;
mod pages;
mod screen;
mod style;
mod table;
mod ticker;
mod unknown;

mod access;
mod backup;
mod check;
mod completions;
mod deliveries;
mod demo;
mod endpoint_state;
mod endpoints;
mod event_pages;
mod event_rows;
mod events;
mod export;
mod findings;
mod follow;
mod health;
mod holders;
mod init;
mod losses;
mod man;
mod plans;
mod records;
mod reload;
mod replay;
mod rotate;
mod runs;
mod serve;
mod status;
mod store;
mod sync;
mod tenants;
mod tokens;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::core_dumps;
use crate::model::Kind;
use crate::printable;
use args::{Args, CommandArgs};
pub use exit::Exit;
use ticker::Ticker;

/// Runs the command line and returns the process's exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    core_dumps::forbid();
    let args: Vec<OsString> = args.into_iter().collect();
    let args = match Args::try_parse_from(&args) {
        Ok(args) => args,
        Err(error) if !args.iter().all(|arg| is_plain(arg)) => {
            // The message quotes what was typed: escape that, and parse again.
            let written = args
                .iter()
                .map(|arg| printable::line(&arg.to_string_lossy()).into_owned());
            let error = Args::try_parse_from(written).err().unwrap_or(error);
            return failure::complain_of_arguments(&error).into();
        }
        Err(error) => return failure::complain_of_arguments(&error).into(),
    };
    match dispatch(args) {
        Ok(exit) => exit.into(),
        Err(failure) if output::is_broken_pipe(&failure) => Exit::Success.into(),
        Err(failed) => {
            let exit = error_codes::exit_of(&failed);
            failure::complain(&failed);
            exit.into()
        }
    }
}

fn is_plain(arg: &OsStr) -> bool {
    arg.to_str().is_some_and(printable::is_plain)
}

fn dispatch(args: Args) -> anyhow::Result<Exit> {
    let Args { config, command } = args;
    let config = config.as_deref();
    // The other commands wait on purpose, or for their user.
    let _ticker = command.is_awaited().then(Ticker::start);
    match command {
        CommandArgs::Init(args) => init::run(args),
        CommandArgs::Demo(args) => runtime()?.block_on(demo::run(args)),
        CommandArgs::Check(args) => runtime()?.block_on(check::run(config, args)),
        CommandArgs::Serve => serve(config),
        CommandArgs::Health => runtime()?.block_on(health::run(config)),
        CommandArgs::Reload(args) => runtime()?.block_on(reload::run(config, args)),
        CommandArgs::Sync(args) => runtime()?.block_on(sync::run(config, args)),
        CommandArgs::Tenants(args) => runtime()?.block_on(tenants::run(config, args)),
        CommandArgs::Users(args) => {
            runtime()?.block_on(records::run(config, Kind::User, args.into()))
        }
        CommandArgs::Roles(args) => {
            runtime()?.block_on(records::run(config, Kind::Role, args.into()))
        }
        CommandArgs::Groups(args) => {
            runtime()?.block_on(records::run(config, Kind::Group, args.into()))
        }
        CommandArgs::Status(args) => runtime()?.block_on(status::run(config, args)),
        CommandArgs::Plan(args) => runtime()?.block_on(plans::run(config, args)),
        CommandArgs::Backup(args) => runtime()?.block_on(backup::run(config, args)),
        CommandArgs::Restore(args) => runtime()?.block_on(backup::restore(config, args)),
        CommandArgs::Store { action } => runtime()?.block_on(store::run(config, action)),
        CommandArgs::Spaces(args) => runtime()?.block_on(access::spaces(config, args)),
        CommandArgs::Access(args) => runtime()?.block_on(access::run(config, args)),
        CommandArgs::Export(args) => runtime()?.block_on(export::run(config, args)),
        CommandArgs::Findings(args) => runtime()?.block_on(findings::run(config, args)),
        CommandArgs::Runs(args) => runtime()?.block_on(runs::run(config, args)),
        CommandArgs::Events(args) => runtime()?.block_on(events::run(config, args)),
        CommandArgs::Deliveries(args) => runtime()?.block_on(deliveries::run(config, args)),
        CommandArgs::Replay(args) => runtime()?.block_on(replay::run(config, args)),
        CommandArgs::Completions { shell } => completions::run(shell),
        CommandArgs::Man { folder } => man::run(&folder),
        CommandArgs::Endpoints(args) => runtime()?.block_on(endpoints::run(config, args)),
        CommandArgs::Token { action } => runtime()?.block_on(tokens::run(config, action)),
    }
}

/// Runs the daemon. Once it has ended, we do not wait for threads: a name server that does not
/// answer blocks the thread that asks it for longer than anybody waits for a process to end.
fn serve(config: Option<&Path>) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve::run(config));
    runtime.shutdown_background();
    outcome
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}
