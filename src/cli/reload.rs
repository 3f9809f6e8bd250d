//! `reload`: lets the daemon read its configuration and its secrets again.

use std::path::Path;

use crate::config::{self, Environment};
use crate::control::{ReloadOutcome, Reloaded, command};
use crate::view;

use super::args::OutputArgs;
use super::error::CliError;
use super::output::{Row, print_one};
use super::store_client::Socket;
use super::style::Tone;
use super::table::Cell;
use super::{Exit, actor};

pub(super) async fn run(named: Option<&Path>, args: OutputArgs) -> anyhow::Result<Exit> {
    // The daemon judges the configuration: here only the way to the daemon is needed.
    let folder = config::store_folder(named, &Environment::of_process())?;
    let Some(daemon) = Socket::connect(&folder).await? else {
        let why = format!(
            "no daemon answers for the store in {}; it reads its configuration when it starts",
            folder.display()
        );
        return Err(CliError::Impossible(why).into());
    };
    let begun = daemon.order(actor::own(), command::Reload).await?;
    let reloaded = daemon.outcome_watched(begun).await?;
    let lines = [
        ("CONFIGURATION", state(&reloaded)),
        ("CHANGED", all(changed(&reloaded)).into()),
        ("NEEDS A RESTART", all(needs_restart(&reloaded)).into()),
        ("PROBLEMS", all(problems(&reloaded)).into()),
    ];
    print_one(args.output, &lines, &view::reloaded(&reloaded))?;
    Ok(exit(&reloaded))
}

/// Returns the exit code for what became of it.
pub(super) fn exit(reloaded: &Reloaded) -> Exit {
    match reloaded.outcome {
        ReloadOutcome::Taken { .. } => Exit::Success,
        ReloadOutcome::Refused { .. } => Exit::Usage,
    }
}

/// The row of `status`.
pub(super) fn row(reloaded: &Reloaded) -> Row {
    let detail = match &reloaded.outcome {
        ReloadOutcome::Refused { problems } => format!(
            "what was read at {} is not valid, and everything stays as it was: {}",
            reloaded.at,
            all(problems)
        ),
        ReloadOutcome::Taken { needs_restart, .. } if needs_restart.is_empty() => {
            format!("read again at {}", reloaded.at)
        }
        ReloadOutcome::Taken { needs_restart, .. } => format!(
            "these settings take effect only after a restart: {}",
            all(needs_restart)
        ),
    };
    let code = reloaded.code().map(|code| format!(" [{code}]"));
    Row {
        cells: vec![
            "configuration".into(),
            state(reloaded),
            "".into(),
            format!("{detail}{}", code.unwrap_or_default()).into(),
        ],
        json: view::reloaded(reloaded),
    }
}

fn state(reloaded: &Reloaded) -> Cell {
    let tone = match &reloaded.outcome {
        ReloadOutcome::Refused { .. } => Tone::Bad,
        ReloadOutcome::Taken { needs_restart, .. } if needs_restart.is_empty() => Tone::Good,
        ReloadOutcome::Taken { .. } => Tone::Warn,
    };
    Cell::from(view::word_of_reload(reloaded)).toned(Some(tone))
}

fn changed(reloaded: &Reloaded) -> &[String] {
    match &reloaded.outcome {
        ReloadOutcome::Taken { changed, .. } => changed,
        ReloadOutcome::Refused { .. } => &[],
    }
}

fn needs_restart(reloaded: &Reloaded) -> &[String] {
    match &reloaded.outcome {
        ReloadOutcome::Taken { needs_restart, .. } => needs_restart,
        ReloadOutcome::Refused { .. } => &[],
    }
}

fn problems(reloaded: &Reloaded) -> &[String] {
    match &reloaded.outcome {
        ReloadOutcome::Refused { problems } => problems,
        ReloadOutcome::Taken { .. } => &[],
    }
}

/// Returns all of them in one line.
fn all(texts: &[String]) -> String {
    match texts {
        [] => "nothing".to_owned(),
        texts => texts.join("; "),
    }
}
