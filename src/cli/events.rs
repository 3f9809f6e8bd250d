//! `events`: lists the journal, and shows an event as a receiver gets it.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::control::{EventName, EventRow, MAX_PAGE, Reply, Request};
use crate::daemon::Hooks;
use crate::deliver;
use crate::model::{Entry, Fact, Recovery, Seq, TenantName, losses_in_words};

use super::Exit;
use super::args::{EventsAction, EventsArgs, Format, ListArgs};
use super::door::Door;
use super::narrate::sentence;
use super::output::{Printer, Row, print_one};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

const COLUMNS: &[Column] = &[
    Column::new("SEQ", 1).number(),
    Column::new("TIME", 1),
    Column::new("TENANT", 2),
    Column::new("TYPE", 3),
    Column::new("ID", 4),
    Column::new("WHAT", 0).cut(36),
];

/// The role that may do everything in a tenant.
const ADMINISTRATOR: &str = "TenantAdmin";

pub(super) async fn run(config: Option<&Path>, args: EventsArgs) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&door, Seq(args.after), args.list).await,
        Some(EventsAction::List { after, list: args }) => list(&door, Seq(after), args).await,
        Some(EventsAction::Show { event, output }) => show(&door, &event, output.output).await,
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, mut after: Seq, args: ListArgs) -> anyhow::Result<Exit> {
    let tenant = args.tenant.map(TenantName);
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    let mut told = false;
    while left > 0 {
        let request = Request::Events {
            tenant: tenant.clone(),
            after,
            limit: left.min(MAX_PAGE),
        };
        let (rows, next, first) = match door.ask(request).await? {
            Reply::Events { rows, next, first } => (rows, next, first),
            other => return super::unexpected(&other),
        };
        if after.next() < first && !told {
            told = true;
            say(format_args!(
                "The journal begins with event {first}; those before it are past `keep` in [store]."
            ));
        }
        left -= rows.len();
        for row in rows {
            let cells = cells(&row);
            printer.row(Row {
                cells,
                json: outside(&row)?,
            })?;
        }
        let Some(next) = next else { break };
        after = next;
    }
    let summary = format!("{}.", count(printer.n_rows(), "event"));
    printer.finish(
        "No events yet: nothing has changed since the first load.",
        &summary,
    )?;
    Ok(Exit::Success)
}

async fn show(door: &Door, event: &str, format: Format) -> anyhow::Result<Exit> {
    let name: EventName = event
        .parse()
        .with_context(|| format!("looking for `{event}`"))?;
    let request = Request::Event {
        event: name.clone(),
    };
    let (row, first) = match door.ask(request).await? {
        Reply::Event { row, first } => (row, first),
        other => return super::unexpected(&other),
    };
    let Some(row) = row else {
        if name
            .place()
            .is_some_and(|seq| seq != Seq::START && seq < first)
        {
            say(format_args!(
                "Event {name} was deleted: the journal begins with event {first}."
            ));
        } else {
            say(format_args!("There is no event {name}."));
        }
        return Ok(Exit::NotFound);
    };
    let names = COLUMNS.iter().map(|column| column.name);
    let mut lines: Vec<_> = names.zip(cells(&row)).collect();
    lines.push(("RUN", run_of(&row.entry).into()));
    print_one(format, &lines, &outside(&row)?)?;
    Ok(Exit::Success)
}

fn cells(row: &EventRow) -> Vec<Cell> {
    let entry = &row.entry;
    let (id, what) = match &entry.fact {
        Fact::Changed(change) => (change.id().to_string(), sentence(change)),
        Fact::Loaded {
            roles,
            groups,
            users,
        } => (
            String::new(),
            format!("first load: {users} users, {groups} groups, {roles} roles"),
        ),
        Fact::Held { plan, losses, .. } => (
            plan.to_string(),
            format!("held for an operator: {}", losses_in_words(losses)),
        ),
        Fact::Failed { code, message } => {
            (run_of(entry), format!("sync fails: {message} [{code}]"))
        }
        Fact::Recovered(Recovery::Plan(plan)) => (
            plan.to_string(),
            "the source shows again what was missing".to_owned(),
        ),
        Fact::Recovered(Recovery::Sync) => (run_of(entry), "sync succeeds again".to_owned()),
        Fact::EndpointDisabled {
            endpoint, reason, ..
        } => (
            endpoint.to_string(),
            format!("the endpoint gets no events any more: {reason}"),
        ),
        Fact::Unreadable => (
            String::new(),
            "what stood here could not be read after the store was damaged".to_owned(),
        ),
        Fact::HistoryLost(missing) => (
            String::new(),
            format!("history was lost with a damaged store: {missing}"),
        ),
    };
    vec![
        entry.seq.to_string().into(),
        entry.at.into(),
        entry.account().map(|account| account.name.clone()).into(),
        entry.fact.event_type().unwrap_or("mark").into(),
        id.into(),
        Cell::from(what).toned(tone(&entry.fact)),
    ]
}

/// Colours what somebody must know: trouble, and who may administer now.
fn tone(fact: &Fact) -> Option<Tone> {
    match fact {
        Fact::Failed { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_) => Some(Tone::Bad),
        Fact::Held { .. } => Some(Tone::Warn),
        Fact::Recovered(_) => Some(Tone::Good),
        Fact::Loaded { .. } => Some(Tone::Dim),
        Fact::Changed(change) => sentence(change)
            .contains(ADMINISTRATOR)
            .then_some(Tone::Bold),
    }
}

fn run_of(entry: &Entry) -> String {
    entry.run().map_or_else(String::new, |run| run.to_string())
}

/// The event as a receiver gets it; the mark of a first load, which nobody gets, as it is.
fn outside(row: &EventRow) -> anyhow::Result<Value> {
    match deliver::body(row.store, &row.entry) {
        Some(body) => serde_json::from_slice(&body).context("reading our own event"),
        None => Ok(serde_json::to_value(&row.entry)?),
    }
}
