//! `plan`: lists held removals, shows what they are, and lets them go or not.

mod head;
mod lines;
mod show;
mod row;

use std::path::Path;

use crate::control::{Reply, Request};
use crate::daemon::Hooks;
use crate::model::{Outcome, PlanId, PlanState, TenantName};

use super::Exit;
use super::args::{ListArgs, PlanAction, PlanArgs, TableArgs};
use super::door::Door;
use super::error::CliError;
use super::output::Printer;
use super::style::{count, say};
use super::table::Column;
use row::cells;

const COLUMNS: &[Column] = &[
    Column::new("PLAN", 0),
    Column::new("TENANT", 0),
    Column::new("HELD AT", 2),
    Column::new("STATE", 0),
    Column::new("RECORDS", 3).number(),
    Column::new("WHAT", 1).cut(24),
];

/// Plans listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: PlanArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match args.action.unwrap_or(PlanAction::List(args.list)) {
        PlanAction::List(args) => list(&door, args).await,
        PlanAction::Show(args) => show::show(&door, args).await,
        PlanAction::Approve { plan, table } => Box::pin(approve(&door, &plan, &table)).await,
        PlanAction::Reject { plan } => reject(&door, &plan).await,
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, args: ListArgs) -> anyhow::Result<Exit> {
    let tenant = args.tenant.map(TenantName);
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT);
    let rows = match door.ask(Request::Plans { tenant, limit }).await? {
        Reply::Plans(rows) => rows,
        other => return super::door::unexpected(&other),
    };
    let is_held = rows.iter().any(|row| row.plan.state == PlanState::Held);
    let held = rows.iter().filter(|row| row.plan.state == PlanState::Held);
    let summary = match held.count() {
        0 => format!("{}, none of which waits.", count(rows.len(), "plan")),
        n if n == rows.len() => format!("{} for you to decide.", count(n, "plan")),
        n => format!("{}, {n} for you to decide.", count(rows.len(), "plan")),
    };
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    for row in rows {
        printer.row(cells(&row))?;
    }
    printer.finish("No removals were ever held.", &summary)?;
    Ok(if is_held { Exit::Held } else { Exit::Success })
}

async fn approve(door: &Door, plan: &str, table: &TableArgs) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(CliError::usage)?;
    say(format_args!(
        "Approving {id}; a run follows that asks for all of it once more and applies what is still \
         gone…"
    ));
    let approved = door.ask(Request::Approve { id });
    let (row, synced) = match door.watching(approved).await? {
        Reply::Approved { plan, synced } => (plan, synced),
        Reply::Paused(pause) => {
            say(format_args!(
                "{id} stays approved; its tenant is not read now: {pause}"
            ));
            return Ok(Exit::Source);
        }
        other => return super::door::unexpected(&other),
    };
    let is_whole = match synced.run.outcome {
        Outcome::Degraded | Outcome::Incomplete { .. } => false,
        Outcome::Running
        | Outcome::Succeeded
        | Outcome::Held
        | Outcome::Failed { .. }
        | Outcome::Interrupted => true,
    };
    let exit = super::sync::print_runs(&[synced], table)?;
    match row.plan.state {
        PlanState::Applied { .. } if is_whole => say(format_args!("{id} is applied.")),
        PlanState::Applied { .. } => say(format_args!(
            "{id} is applied, except what could not be seen: that stays as it was, and is held again when it is seen to be gone."
        )),
        PlanState::Approved { .. } => say(format_args!(
            "{id} is approved and not yet applied: the next run that gets to its end applies it."
        )),
        PlanState::Held
        | PlanState::Rejected { .. }
        | PlanState::Superseded { .. }
        | PlanState::Recovered { .. } => {
            say(format_args!("{id} is {}.", row.plan.state.word()));
        }
    }
    Ok(exit)
}

async fn reject(door: &Door, plan: &str) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(CliError::usage)?;
    match door.ask(Request::Reject { id }).await? {
        Reply::Rejected(row) => say(format_args!(
            "{id} is rejected: as long as {} shows the same, nothing of it happens.",
            row.tenant
        )),
        other => return super::door::unexpected(&other),
    }
    Ok(Exit::Success)
}
