//! `plan`: lists held removals, shows what they are, and approves or rejects them.

mod head;
mod lines;
mod show;
mod row;

use std::path::Path;

use crate::control::query::PlanChoice;
use crate::control::{PlanRow, Synced, command, query};
use crate::daemon::Hooks;
use crate::model::{Outcome, PlanId, PlanState, TenantName};

use super::args::{ListArgs, PlanAction, PlanArgs, TableArgs};
use super::error::CliError;
use super::output::Printer;
use super::store_client::StoreClient;
use super::style::{count, say};
use super::table::Column;
use super::{Exit, actor};
use row::cells;

const COLUMNS: &[Column] = &[
    Column::new("PLAN", 0),
    Column::new("TENANT", 0),
    Column::new("HELD AT", 2),
    Column::new("STATE", 0),
    Column::new("RECORDS", 3).number(),
    Column::new("WHAT", 1).shrinkable(24),
];

/// Plans listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: PlanArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match args.action.unwrap_or(PlanAction::List(args.list)) {
        PlanAction::List(args) => list(&client, args).await,
        PlanAction::Show(args) => show::show(&client, args).await,
        PlanAction::Approve { plan, table } => Box::pin(approve(&client, &plan, &table)).await,
        PlanAction::Reject { plan } => reject(&client, &plan).await,
    };
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, args: ListArgs) -> anyhow::Result<Exit> {
    let limit = args.limit().unwrap_or(DEFAULT_LIMIT);
    let tenant = args.tenant.map(TenantName);
    let rows = ask(client, tenant, limit).await?;
    let is_held = rows.iter().any(|row| row.plan.state == PlanState::Held);
    let held = rows.iter().filter(|row| row.plan.state == PlanState::Held);
    let summary = match held.count() {
        0 => format!("{}, none for you to decide.", count(rows.len(), "plan")),
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

/// Asks for the latest plans.
async fn ask(
    client: &StoreClient,
    tenant: Option<TenantName>,
    limit: usize,
) -> anyhow::Result<Vec<PlanRow>> {
    let asked = |before, limit| query::Plans {
        tenant: tenant.clone(),
        which: PlanChoice::All,
        before,
        limit,
    };
    client.all(limit, asked).await
}

async fn approve(client: &StoreClient, plan: &str, table: &TableArgs) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(CliError::usage)?;
    say(format_args!(
        "Approving {id}; a run now asks for all of it once more and applies what is still gone…"
    ));
    let approved = client.order(actor::own(), command::Approve { id }).await?;
    let synced = match client.watching(client.outcome(approved.run)).await? {
        Synced::Run(synced) => *synced,
        Synced::Paused(pause) => {
            say(format_args!(
                "{id} stays approved; its tenant is not read now: {pause}"
            ));
            return Ok(Exit::Source);
        }
    };
    // We want its state after the run. Many later plans may have replaced it meanwhile.
    let row = client
        .ask(query::Plan { id })
        .await?
        .unwrap_or(approved.plan);
    let is_whole = match synced.run.outcome {
        Outcome::Degraded | Outcome::Incomplete { .. } => false,
        Outcome::Running
        | Outcome::Succeeded
        | Outcome::Held
        | Outcome::Failed { .. }
        | Outcome::Interrupted => true,
    };
    let exit = super::sync::print_run(synced, table)?;
    match row.plan.state {
        PlanState::Applied { .. } if is_whole => say(format_args!("{id} is applied.")),
        PlanState::Applied { .. } => say(format_args!(
            "{id} is applied, except what could not be seen: that is left unchanged, and is held \
             again once it is seen to be gone."
        )),
        PlanState::Approved { .. } => say(format_args!(
            "{id} is approved and not yet applied: the next complete run applies it."
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

async fn reject(client: &StoreClient, plan: &str) -> anyhow::Result<Exit> {
    let id: PlanId = plan.parse().map_err(CliError::usage)?;
    let row = client.order(actor::own(), command::Reject { id }).await?;
    say(format_args!(
        "{id} is rejected: as long as {} shows the same, none of it is applied.",
        row.tenant
    ));
    Ok(Exit::Success)
}
