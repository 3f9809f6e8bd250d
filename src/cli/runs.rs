//! `runs`: lists runs, and shows one with what it could not read.

use std::path::Path;
use std::time::Duration;

use crate::control::query;
use crate::control::query::RunChoice;
use crate::daemon::Hooks;
use crate::model::{
    Kind, KindCounts, LicenceCounts, Mode, Outcome, Run, RunId, SpaceCounts, TenantName, Trigger,
};
use crate::view;

use super::Exit;
use super::args::{Format, RunListArgs, RunsAction, RunsArgs};
use super::error::CliError;
use super::output::{Printer, Row, print_one};
use super::store_client::StoreClient;
use super::style::{Tone, count};
use super::table::{Cell, Column};

pub(super) const COLUMNS: &[Column] = &[
    Column::new("RUN", 0),
    Column::new("TENANT", 1),
    Column::new("STARTED", 2),
    Column::new("TOOK", 4).number(),
    Column::new("OUTCOME", 0),
    Column::new("SEEN", 5).number(),
    Column::new("CREATED", 3).number(),
    Column::new("UPDATED", 3).number(),
    Column::new("DELETED", 3).number(),
    Column::new("REQUESTS", 6).number(),
];

/// Runs listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: RunsArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&client, args.list).await,
        Some(RunsAction::List(args)) => list(&client, args).await,
        Some(RunsAction::Show { run, output }) => show(&client, &run, output.output).await,
    };
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, args: RunListArgs) -> anyhow::Result<Exit> {
    let RunListArgs { failed, list } = args;
    let limit = list.limit().unwrap_or(DEFAULT_LIMIT);
    let tenant = list.tenant.map(TenantName);
    let (which, nothing) = match failed {
        true => (RunChoice::Failed, "No failed run is on record."),
        false => (RunChoice::All, "No run yet. `qlik-roster sync` does one."),
    };
    let asked = |before, limit| query::Runs {
        tenant: tenant.clone(),
        which,
        before,
        limit,
    };
    let mut pages = client.pages(limit, asked).await?;
    let mut printer = Printer::new(&list.table, COLUMNS)?;
    while let Some(page) = pages.next().await? {
        for run in page.rows {
            printer.row(row(&run))?;
        }
    }
    let what = if failed { "failed run" } else { "run" };
    let summary = format!("{} shown, newest first.", count(printer.n_rows(), what));
    printer.finish(nothing, &summary)?;
    Ok(Exit::Success)
}

async fn show(client: &StoreClient, id: &str, format: Format) -> anyhow::Result<Exit> {
    let id: RunId = id.parse().map_err(CliError::usage)?;
    let Some(run) = client.ask(query::Run { id }).await? else {
        let detail = format!("there is no {id}; `qlik-roster runs` lists those that are kept");
        return Err(CliError::NotThere(detail).into());
    };
    let row = row(&run);
    let names = COLUMNS.iter().map(|column| column.name);
    let mut lines: Vec<_> = names.zip(row.cells).collect();
    lines.push(("TRIGGER", trigger(run.trigger).into()));
    if let Some(missed) = run.audit_missed {
        lines.push(("AUDIT MISSED", missed.to_string().into()));
    }
    if let Some(why) = view::why(&run.outcome) {
        lines.push(("WHY", why.into()));
    }
    for kind in Kind::ALL {
        if let Some(counts) = run.counts.get(&kind) {
            lines.push((kind.plural(), sentence(counts).into()));
        }
    }
    if let Some(counts) = &run.spaces {
        lines.push(("spaces", of_spaces(counts).into()));
    }
    if let Some(counts) = &run.licence {
        lines.push(("licence", of_licence(counts).into()));
    }
    if let Some(held) = &run.held {
        lines.push(("HELD", held.to_string().into()));
    }
    for finding in &run.findings {
        let who = finding
            .id
            .as_ref()
            .map(|id| format!(" {id}"))
            .unwrap_or_default();
        let text = format!(
            "{}{who}: {} [{}]",
            finding.kind,
            finding.detail,
            finding.code.code()
        );
        lines.push(("FINDING", text.into()));
    }
    print_one(format, &lines, &row.json)?;
    Ok(Exit::Success)
}

/// A run as a row, also for `sync`.
pub(super) fn row(run: &Run) -> Row {
    let licence = run.licence.unwrap_or_default();
    let sum =
        |of: fn(&KindCounts) -> u64, of_spaces: fn(&SpaceCounts) -> u64, of_licence: u64| -> Cell {
            let spaces = run.spaces.as_ref().map_or(0, of_spaces);
            (run.counts.values().map(of).sum::<u64>() + spaces + of_licence).into()
        };
    let took = run.ended_at.map(|ended| took(ended.since(run.started_at)));
    let dry = if run.mode == Mode::DryRun {
        " (dry run)"
    } else {
        ""
    };
    Row {
        cells: vec![
            run.id.to_string().into(),
            run.tenant_name.to_string().into(),
            run.started_at.into(),
            took.into(),
            Cell::from(format!("{}{dry}", run.outcome.word())).toned(tone(&run.outcome)),
            sum(|counts| counts.seen, |spaces| spaces.read, licence.read),
            sum(|counts| counts.created, |spaces| spaces.created, 0),
            sum(|counts| counts.updated, |spaces| spaces.updated, 0),
            sum(
                |counts| counts.deleted,
                |spaces| spaces.deleted,
                licence.removed,
            ),
            run.traffic.requests.to_string().into(),
        ],
        json: view::run(run),
    }
}

/// Returns the colour for an outcome.
pub(super) fn tone(outcome: &Outcome) -> Option<Tone> {
    Some(match outcome {
        Outcome::Succeeded => Tone::Good,
        Outcome::Failed { .. } | Outcome::Interrupted => Tone::Bad,
        Outcome::Held | Outcome::Degraded | Outcome::Incomplete { .. } => Tone::Warn,
        Outcome::Running => return None,
    })
}

fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Start => "start of the daemon",
        Trigger::Schedule => "schedule",
        Trigger::Command => "command",
        Trigger::Audit => "audit log",
        Trigger::Gap => "gap in the audit log",
        Trigger::Spaces => "spaces",
        Trigger::Licence => "licence",
    }
}

fn took(time: Duration) -> String {
    match time.is_zero() {
        true => "0s".to_owned(),
        false => format!("{time:.1?}"),
    }
}

fn of_spaces(counts: &SpaceCounts) -> String {
    let SpaceCounts {
        listed,
        read,
        created,
        updated,
        deleted,
        unseen,
    } = counts;
    let others = [
        (listed, "listed"),
        (created, "created"),
        (updated, "updated"),
        (deleted, "deleted"),
        (unseen, "partly hidden"),
    ];
    let others = others.into_iter().filter(|(n, _)| **n > 0);
    let others = others.map(|(n, what)| format!(", {n} {what}"));
    format!("{read} read{}", others.collect::<String>())
}

fn of_licence(counts: &LicenceCounts) -> String {
    let LicenceCounts {
        read,
        unreadable,
        removed,
        kept,
    } = counts;
    let others = [
        (unreadable, "not readable"),
        (removed, "subjects removed"),
        (kept, "subjects no longer shown, but kept"),
    ];
    let others = others.into_iter().filter(|(n, _)| **n > 0);
    let others = others.map(|(n, what)| format!(", {n} {what}"));
    format!("{read} assignments read{}", others.collect::<String>())
}

fn sentence(counts: &KindCounts) -> String {
    let KindCounts {
        seen,
        created,
        updated,
        deleted,
        rescued,
        unreadable,
        partial,
    } = counts;
    let others = [
        (created, "created"),
        (updated, "updated"),
        (deleted, "deleted"),
        (rescued, "not listed but there when asked for"),
        (unreadable, "unreadable"),
        (partial, "partly hidden"),
    ];
    let others = others.into_iter().filter(|(n, _)| **n > 0);
    let others = others.map(|(n, what)| format!(", {n} {what}"));
    format!("{seen} seen{}", others.collect::<String>())
}
