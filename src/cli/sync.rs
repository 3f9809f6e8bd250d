//! `sync`: one run of each tenant, then delivery until nothing is due.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::config::Config;
use crate::control::{ChangeChoice, Standing, SyncRow, Synced, command, query};
use crate::daemon::{DiscoverError, Hooks};
use crate::deliver::{self, Drained};
use crate::doing::{self, Doing, doing};
use crate::model::{
    Change, EndpointName, Held, HeldPlan, Mode, Outcome, PlanState, Run, TenantName,
    losses_in_words,
};
use crate::printable;
use crate::signal;
use crate::telemetry::{DeliveryOutcome, Metrics, Sample, chain};
use crate::view::{self, sentence};

use super::args::{Format, SyncArgs, TableArgs};
use super::output::{self, Printer, Row};
use super::store_client::{Own, StoreClient};
use super::style::say;
use super::{Exit, actor, losses, runs, tenants};

/// How long maintenance of the store may take; the rest waits for the next time.
const MAINTENANCE: Duration = Duration::from_secs(20);

pub(super) async fn run(config: Option<&Path>, args: SyncArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    super::begin::start_logging(&config)?;
    let client = StoreClient::open_or_make(&config, Hooks::none()).await?;
    let exit = work(&config, &client, &args).await;
    client.close().await?;
    exit
}

async fn work(config: &Config, client: &StoreClient, args: &SyncArgs) -> anyhow::Result<Exit> {
    let mode = if args.dry_run {
        Mode::DryRun
    } else {
        Mode::Commit
    };
    let mut exit = match client {
        StoreClient::Own(own) => discover(own).await?,
        // The daemon looks for new tenants by itself.
        StoreClient::Daemon(_) => Exit::Success,
    };
    let tenants = match &args.tenant {
        Some(name) => vec![TenantName(name.clone())],
        None => read_tenants(client).await?,
    };
    // We do this before the run, and even if nothing is delivered after it: a new endpoint gets
    // everything that is found from now on.
    let workers = match (client, mode) {
        (StoreClient::Own(own), Mode::Commit) => open_workers(config, own).await?,
        (StoreClient::Own(_), Mode::DryRun)
        | (StoreClient::Daemon(_), Mode::Commit | Mode::DryRun) => Vec::new(),
    };
    let choice = &ChangeChoice {
        event_type: args.event_type.clone(),
        kind: args.kind,
        text: args.name.clone(),
    };
    let runs = tenants.into_iter().map(|tenant| async move {
        let ordered = command::Sync {
            tenant: tenant.clone(),
            mode,
        };
        (tenant, sync(client, ordered, choice).await)
    });
    let ended = client.watching(join_all(runs)).await;

    let mut rows = Vec::new();
    for (tenant, synced) in ended {
        match synced? {
            (Synced::Run(row), would_change) => rows.push(DoneRun {
                row: *row,
                would_change,
            }),
            (Synced::Paused(pause), _) => {
                say(format_args!("`{tenant}` is not read: {pause}"));
                // A paused tenant counts as a failure only if it was asked for by name.
                if args.tenant.is_some() {
                    exit = exit.graver(Exit::Source);
                }
            }
        }
    }
    for done in &rows {
        exit = exit.graver(of_run(&done.row.run));
    }
    if let (StoreClient::Own(own), false) = (client, args.no_deliver) {
        let metrics = &own.parts.metrics;
        for (name, worker) in workers {
            exit = exit.graver(drain(&name, worker, metrics).await?);
        }
    }
    if let (StoreClient::Own(own), Mode::Commit) = (client, mode) {
        let _doing = doing("tidying the store");
        own.maintenance(config).once(MAINTENANCE).await?;
    }
    exit = exit.graver(losses::warn(client).await?);
    // We print last, so that a reader who closes the pipe early changes nothing.
    match print(&rows, &args.table, choice) {
        Err(failure) if !output::is_broken_pipe(&failure) => Err(failure),
        Ok(()) | Err(_) => Ok(exit),
    }
}

/// A run that was asked for and has ended.
struct DoneRun {
    row: SyncRow,
    /// Which of the chosen changes it would make; only for a dry run.
    would_change: Vec<Change>,
}

/// Requests a run, and waits for its end. Returns which of the chosen changes it would make, if it
/// is a dry run.
async fn sync(
    client: &StoreClient,
    ordered: command::Sync,
    choice: &ChangeChoice,
) -> anyhow::Result<(Synced, Vec<Change>)> {
    let mode = ordered.mode;
    let begun = client.order(actor::own(), ordered).await?;
    let task = begun.task.clone();
    let synced = client.outcome(begun).await?;
    let would_change = match mode {
        Mode::Commit => Vec::new(),
        Mode::DryRun => {
            let ask = |after, limit| query::Preview {
                task: task.clone(),
                choice: choice.clone(),
                after,
                limit,
            };
            client.all(usize::MAX, ask).await?
        }
    };
    Ok((synced, would_change))
}

/// Prints a run that was asked for and changed what it found. Returns the exit code for it.
pub(super) fn print_run(row: SyncRow, table: &TableArgs) -> anyhow::Result<Exit> {
    let exit = of_run(&row.run);
    let would_change = Vec::new();
    print(
        &[DoneRun { row, would_change }],
        table,
        &ChangeChoice::default(),
    )?;
    Ok(exit)
}

fn print(rows: &[DoneRun], table: &TableArgs, choice: &ChangeChoice) -> anyhow::Result<()> {
    let mut printer = Printer::new(table, runs::COLUMNS)?;
    for DoneRun { row, would_change } in rows {
        let cells = runs::row(&row.run).cells;
        let json = view::synced(row, would_change);
        printer.row(Row { cells, json })?;
    }
    printer.finish("No tenant is configured.", "")?;
    if table.output.output == Format::Table {
        for done in rows {
            match done.row.run.mode {
                Mode::Commit => complain(&done.row),
                Mode::DryRun => preview(done, choice)?,
            }
        }
    }
    Ok(())
}

/// Says what a run left for somebody to do.
fn complain(row: &SyncRow) {
    let (run, name) = (&row.run, &row.run.tenant_name);
    if let Some(held) = &run.held {
        match rejected(row) {
            Some(plan) => say(format_args!("{name}: {}", stays_out(plan, held))),
            None => say(format_args!("{name}: removals are held: {held}")),
        }
    }
    if run.outcome != Outcome::Held
        && let Some(why) = view::why(&run.outcome)
    {
        say(format_args!("{name}: {why}"));
    }
}

/// Prints what a dry run would do: that is the result.
fn preview(done: &DoneRun, choice: &ChangeChoice) -> io::Result<()> {
    let DoneRun { row, would_change } = done;
    let (run, name) = (&row.run, &row.run.tenant_name);
    let mut out = output::stdout();
    for change in would_change {
        let told = sentence(change);
        writeln!(out, "{name}: would report: {}", printable::line(&told))?;
    }
    if would_change.is_empty() && run.outcome.is_success() {
        let matching = match choice.is_all() {
            true => "",
            false => " that matches",
        };
        writeln!(out, "{name}: there is nothing to report{matching}")?;
    }
    if let Some(held) = &run.held {
        match (rejected(row), &row.plan) {
            (Some(plan), _) => writeln!(out, "{name}: {}", stays_out(plan, held))?,
            (None, Some(plan)) => {
                let losses = losses_in_words(&held.losses);
                writeln!(out, "{name}: would hold, as {} does: {losses}", plan.id)?;
            }
            (None, None) => {
                writeln!(out, "{name}: would hold: {}", losses_in_words(&held.losses))?;
            }
        }
    }
    if run.outcome != Outcome::Held
        && let Some(why) = view::why(&run.outcome)
    {
        writeln!(out, "{name}: {}", printable::line(&why))?;
    }
    out.flush()
}

/// Returns the plan that lists what a run held, if an operator has rejected the plan.
fn rejected(row: &SyncRow) -> Option<&HeldPlan> {
    let plan = row.plan.as_ref()?;
    matches!(plan.state, PlanState::Rejected { .. }).then_some(plan)
}

fn stays_out(plan: &HeldPlan, held: &Held) -> String {
    let losses = losses_in_words(&held.losses);
    format!("{} was rejected, none of it is applied: {losses}", plan.id)
}

/// Looks for new tenants. Known tenants are read even if the console does not answer.
async fn discover(own: &Own) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for discovery in &own.parts.discoveries {
        let _doing = doing(format!(
            "asking the console of connection `{}` for its tenants",
            discovery.connection()
        ));
        match discovery.look().await {
            // This command does not run the loops of the new tenants.
            Ok(_workers) => {}
            Err(error @ DiscoverError::Store { .. }) => return Err(error.into()),
            Err(error) => {
                say(format_args!("{} [{}]", chain(&error), error.code()));
                exit = Exit::Source;
            }
        }
    }
    Ok(exit)
}

/// The tenants that should be read.
async fn read_tenants(client: &StoreClient) -> anyhow::Result<Vec<TenantName>> {
    let rows = tenants::ask(client).await?.into_iter();
    let read = rows.filter(|row| match row.standing {
        Standing::Paused(_) => false,
        Standing::Active | Standing::NeverReached { .. } | Standing::Failing { .. } => true,
    });
    Ok(read.map(|row| row.name).collect())
}

async fn open_workers(
    config: &Config,
    own: &Own,
) -> anyhow::Result<Vec<(EndpointName, deliver::Worker)>> {
    let mut workers = Vec::new();
    let feed = deliver::Feed::new(own.control().store().clone());
    for endpoint in &config.endpoints {
        let (clock, metrics) = (own.clock.clone(), own.parts.metrics.clone());
        let worker = deliver::Worker::open(endpoint, &feed, clock, metrics).await?;
        workers.push((endpoint.name().clone(), worker));
    }
    Ok(workers)
}

/// Delivers until nothing is due. If a daemon runs, the daemon delivers.
async fn drain(
    name: &EndpointName,
    worker: deliver::Worker,
    metrics: &Metrics,
) -> anyhow::Result<Exit> {
    let (_trigger, shutdown) = signal::shutdown();
    let _doing = delivering(name, metrics);
    let Drained {
        delivered,
        parked,
        waiting,
    } = worker.drain(shutdown).await?;
    let parts = [
        (delivered, "delivered"),
        (waiting, "waiting for another attempt"),
        (parked, "given up on"),
    ];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0);
    let parts: Vec<_> = parts.map(|(n, what)| format!("{n} {what}")).collect();
    match parts.is_empty() {
        true => say(format_args!("{name}: nothing to deliver")),
        false => say(format_args!("{name}: {}", parts.join(", "))),
    }
    Ok(if waiting > 0 || parked > 0 {
        Exit::Waiting
    } else {
        Exit::Success
    })
}

/// Says how many events an endpoint has accepted so far.
fn delivering(name: &EndpointName, metrics: &Metrics) -> Doing {
    let (name, metrics) = (name.clone(), metrics.clone());
    doing::telling(move || {
        let delivered = metrics.get(Sample::Deliveries {
            endpoint: &name,
            outcome: &DeliveryOutcome::Delivered,
        });
        match delivered {
            Some(n) => format!("delivering to `{name}`: {n} delivered so far"),
            None => format!("delivering to `{name}`"),
        }
    })
}

/// Returns the exit code for a run. Removals that an operator has rejected do not affect it.
fn of_run(run: &Run) -> Exit {
    match run.outcome {
        Outcome::Succeeded => Exit::Success,
        Outcome::Held => Exit::Held,
        Outcome::Degraded | Outcome::Incomplete { .. } => Exit::Partial,
        Outcome::Failed { .. } | Outcome::Interrupted | Outcome::Running => Exit::Source,
    }
}
