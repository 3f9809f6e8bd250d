//! What was lost with a damaged store: how it is reported, and how an operator acknowledges it.

use crate::config::Config;
use crate::control::query::LossChoice;
use crate::control::{command, query};
use crate::daemon::Hooks;
use crate::model::HistoryLoss;
use crate::view;

use super::args::TableArgs;
use super::output::{Printer, Row};
use super::store_client::StoreClient;
use super::style::{Tone, say};
use super::table::{Cell, Column};
use super::{Exit, actor};

const COLUMNS: &[Column] = &[
    Column::new("WHEN", 1),
    Column::new("EVENT", 1).number(),
    Column::new("IN", 2).shrinkable(20),
    Column::new("WHAT", 0).shrinkable(24),
];

/// Acknowledges all losses, and prints those that were new.
pub(super) async fn accept(config: &Config, table: &TableArgs) -> anyhow::Result<Exit> {
    let client = StoreClient::open(config, Hooks::none()).await?;
    let losses = client.order(actor::own(), command::AcceptLosses).await;
    client.close().await?;
    let losses = losses?;
    let mut printer = Printer::new(table, COLUMNS)?;
    for loss in &losses {
        printer.row(Row {
            cells: vec![
                loss.at.into(),
                loss.entry.to_string().into(),
                loss.moved_to.clone().into(),
                loss.missing.to_string().into(),
            ],
            json: view::loss(loss),
        })?;
    }
    printer.finish("No unacknowledged losses.", "")?;
    Ok(Exit::Success)
}

/// Reports losses on standard error, if there are any. Returns the exit code for them.
pub(super) async fn warn(client: &StoreClient) -> anyhow::Result<Exit> {
    let asked = |after, limit| query::HistoryLosses {
        which: LossChoice::Open,
        after,
        limit,
    };
    let losses = client.all(usize::MAX, asked).await?;
    for loss in &losses {
        say(format_args!("{}", detail(loss)));
    }
    Ok(exit(&losses))
}

/// Returns the exit code for losses.
pub(super) fn exit(losses: &[HistoryLoss]) -> Exit {
    match losses.is_empty() {
        true => Exit::Success,
        false => Exit::Store,
    }
}

/// The row of `status` for a loss.
pub(super) fn row(loss: &HistoryLoss) -> Row {
    Row {
        cells: vec![
            "history".into(),
            Cell::from("lost").toned(Some(Tone::Bad)),
            "".into(),
            detail(loss).into(),
        ],
        json: view::loss_status(loss),
    }
}

fn detail(loss: &HistoryLoss) -> String {
    let HistoryLoss {
        at,
        entry,
        moved_to,
        damage,
        missing,
        accepted_at: _,
    } = loss;
    if moved_to.is_empty() {
        return format!(
            "the store was made of a backup at {at}, and what was found after the backup is missing; \
             receivers were told by event {entry}, and `qlik-roster endpoints backfill` brings one \
             up to date; `qlik-roster store accept` acknowledges it"
        );
    }
    format!(
        "the store was damaged ({damage}) and was moved to `{moved_to}` at {at}; {missing}; \
         receivers were told by event {entry}; `qlik-roster store accept` acknowledges it"
    )
}
