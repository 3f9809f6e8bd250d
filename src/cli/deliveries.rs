//! `deliveries`: lists attempts, what waits and what was given up on; shows an event's attempts.

use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::{Value, json};

use crate::control::{
    AttemptRow, DeliveryReply, DeliveryRequest, Ended, EventName, MAX_PAGE, ParkedRow, Reply,
    Request, WaitingRow,
};
use crate::daemon::Hooks;
use crate::model::EndpointName;

use super::Exit;
use super::args::{DeliveriesAction, DeliveriesArgs, DeliveryListArgs, Format, TableArgs};
use super::door::Door;
use super::error::CliError;
use super::output::{Printer, Row, print_one};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

const COLUMNS: &[Column] = &[
    Column::new("TIME", 1),
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 2).cut(14),
    Column::new("TYPE", 3),
    Column::new("ATTEMPT", 5).number(),
    Column::new("STATUS", 4).number(),
    Column::new("TOOK", 6).number(),
    Column::new("RESULT", 0).cut(24),
];

const SHOWN_COLUMNS: &[Column] = &[
    Column::new("TIME", 1),
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 2).cut(14),
    Column::new("TYPE", 3),
    Column::new("ATTEMPT", 5).number(),
    Column::new("STATUS", 4).number(),
    Column::new("TOOK", 6).number(),
    Column::new("RESULT", 0).cut(24),
    Column::new("ANSWER", 2).cut(20),
];

const PARKED_COLUMNS: &[Column] = &[
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 0).cut(14),
    Column::new("TYPE", 3),
    Column::new("SINCE", 2),
    Column::new("ATTEMPTS", 4).number(),
    Column::new("REASON", 1).cut(24),
];

const WAITING_COLUMNS: &[Column] = &[
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 0).cut(14),
    Column::new("TYPE", 3),
    Column::new("DUE", 2),
    Column::new("ATTEMPTS", 4).number(),
    Column::new("WHY", 1).cut(24),
];

/// Rows listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: DeliveriesArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&door, args.list).await,
        Some(DeliveriesAction::List(args)) => list(&door, args).await,
        Some(DeliveriesAction::Show {
            event,
            endpoint,
            table,
        }) => show(&door, event, endpoint, &table).await,
        Some(DeliveriesAction::Dismiss {
            endpoint,
            event,
            all: _,
        }) => dismiss(&door, endpoint, event).await,
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    match (args.parked, args.waiting) {
        (true, _) => parked(door, args).await,
        (false, true) => waiting(door, args).await,
        (false, false) => attempts(door, args).await,
    }
}

async fn attempts(door: &Door, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let request = DeliveryRequest::Attempts {
        endpoint: args.endpoint.map(EndpointName),
        event: args.event,
        ended: match args.failed {
            true => Ended::Failed,
            false => Ended::Anyhow,
        },
        limit: args.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get),
    };
    let rows = ask_attempts(door, request).await?;
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    for row in &rows {
        printer.row(Row {
            cells: cells(row),
            json: outside(row),
        })?;
    }
    let failed = rows.iter().filter(|row| row.attempt.error.is_some());
    let summary = match failed.count() {
        0 => format!("{} shown, newest first.", count(rows.len(), "attempt")),
        n => format!(
            "{} shown, newest first; {n} failed.",
            count(rows.len(), "attempt")
        ),
    };
    printer.finish(
        "No attempt at a delivery is kept: nothing was due, or it is over a week ago.",
        &summary,
    )?;
    Ok(Exit::Success)
}

async fn show(
    door: &Door,
    event: EventName,
    endpoint: Option<String>,
    table: &TableArgs,
) -> anyhow::Result<Exit> {
    let format = table.output.output;
    let name = event.to_string();
    let request = DeliveryRequest::Attempts {
        endpoint: endpoint.map(EndpointName),
        event: Some(event),
        ended: Ended::Anyhow,
        limit: MAX_PAGE,
    };
    let rows = ask_attempts(door, request).await?;
    if rows.is_empty() {
        let detail = format!("no attempt at event {name} is kept");
        return Err(CliError::NotThere(detail).into());
    }
    if format == Format::Table {
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                say("");
            }
            let cells = shown(row);
            let names = SHOWN_COLUMNS.iter().map(|column| column.name);
            let lines: Vec<_> = names.zip(cells).collect();
            print_one(format, &lines, &Value::Null)?;
        }
        return Ok(Exit::Success);
    }
    let mut printer = Printer::new(table, SHOWN_COLUMNS)?;
    for row in &rows {
        let mut json = outside(row);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("answer".to_owned(), (&*row.attempt.answer).into());
        }
        let cells = shown(row);
        printer.row(Row { cells, json })?;
    }
    printer.finish("", "")?;
    Ok(Exit::Success)
}

async fn parked(door: &Door, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let endpoint = args.endpoint.map(EndpointName);
    let mut left = args.limit.map_or(usize::MAX, NonZeroUsize::get);
    let (mut after, mut exit) = (None, Exit::Success);
    let mut printer = Printer::new(&args.table, PARKED_COLUMNS)?;
    while left > 0 {
        let request = DeliveryRequest::Parked {
            endpoint: endpoint.clone(),
            after: after.take(),
            limit: left.min(MAX_PAGE),
        };
        let rows = match door.ask(Request::Deliveries(request)).await? {
            Reply::Deliveries(DeliveryReply::Parked(rows)) => rows,
            other => return super::door::unexpected(&other),
        };
        let Some(last) = rows.last() else { break };
        after = Some((last.endpoint.clone(), last.parked.item.clone()));
        left -= rows.len();
        exit = Exit::Waiting;
        for row in rows {
            printer.row(parked_row(row))?;
        }
    }
    let summary = format!(
        "{} given up on; `qlik-roster replay --parked` sends what is parked again.",
        count(printer.n_rows(), "event")
    );
    printer.finish("Nothing was given up on.", &summary)?;
    Ok(exit)
}

async fn waiting(door: &Door, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let limit = args.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get);
    let request = DeliveryRequest::Waiting {
        endpoint: args.endpoint.map(EndpointName),
        limit,
    };
    let rows = match door.ask(Request::Deliveries(request)).await? {
        Reply::Deliveries(DeliveryReply::Waiting(rows)) => rows,
        other => return super::door::unexpected(&other),
    };
    let n_rows = rows.len();
    let mut printer = Printer::new(&args.table, WAITING_COLUMNS)?;
    for row in rows {
        printer.row(waiting_row(row))?;
    }
    let summary = format!("{} shown.", count(n_rows, "event"));
    printer.finish("Nothing waits for another attempt.", &summary)?;
    if n_rows >= limit.min(MAX_PAGE) {
        say(format_args!(
            "These are the first {n_rows}; `qlik-roster endpoints list` tells how many wait."
        ));
    }
    Ok(Exit::Success)
}

async fn dismiss(door: &Door, endpoint: String, event: Option<EventName>) -> anyhow::Result<Exit> {
    let endpoint = EndpointName(endpoint);
    let request = DeliveryRequest::Dismiss {
        endpoint: endpoint.clone(),
        event,
    };
    match door.ask(Request::Deliveries(request)).await? {
        Reply::Deliveries(DeliveryReply::Dismissed(0)) => {
            say(format_args!("Nothing is parked for `{endpoint}`."));
        }
        Reply::Deliveries(DeliveryReply::Dismissed(events)) => say(format_args!(
            "Dismissed for `{endpoint}`: {events}. They will never be sent."
        )),
        other => return super::door::unexpected(&other),
    }
    Ok(Exit::Success)
}

async fn ask_attempts(door: &Door, request: DeliveryRequest) -> anyhow::Result<Vec<AttemptRow>> {
    match door.ask(Request::Deliveries(request)).await? {
        Reply::Deliveries(DeliveryReply::Attempts(rows)) => Ok(rows),
        other => super::door::unexpected(&other),
    }
}

fn cells(row: &AttemptRow) -> Vec<Cell> {
    let attempt = &row.attempt;
    let status = attempt.status.map(|status| status.to_string());
    vec![
        attempt.at.into(),
        row.endpoint.to_string().into(),
        attempt.item.to_string().into(),
        attempt.event_type.to_string().into(),
        attempt.number.to_string().into(),
        status.into(),
        format!("{} ms", attempt.took_ms).into(),
        match &attempt.error {
            Some(error) => Cell::from(&**error).toned(Some(Tone::Bad)),
            None => Cell::from("delivered").toned(Some(Tone::Good)),
        },
    ]
}

fn shown(row: &AttemptRow) -> Vec<Cell> {
    let mut cells = cells(row);
    cells.push((&*row.attempt.answer).into());
    cells
}

fn outside(row: &AttemptRow) -> Value {
    let attempt = &row.attempt;
    json!({
        "time": attempt.at,
        "endpoint": row.endpoint,
        "event": attempt.item.to_string(),
        "type": attempt.event_type,
        "attempt": attempt.number,
        "status": attempt.status,
        "took_ms": attempt.took_ms,
        "result": if attempt.error.is_some() { "failed" } else { "delivered" },
        "error": attempt.error,
    })
}

fn parked_row(row: ParkedRow) -> Row {
    let ParkedRow {
        endpoint,
        event_type,
        parked,
    } = row;
    let json = json!({
        "endpoint": endpoint,
        "event": parked.item.to_string(),
        "type": event_type,
        "parked_at": parked.at,
        "attempts": parked.attempts,
        "reason": parked.reason,
    });
    Row {
        cells: vec![
            endpoint.to_string().into(),
            parked.item.to_string().into(),
            event_type.into(),
            parked.at.into(),
            parked.attempts.to_string().into(),
            Cell::from(&*parked.reason).toned(Some(Tone::Bad)),
        ],
        json,
    }
}

fn waiting_row(row: WaitingRow) -> Row {
    let WaitingRow {
        endpoint,
        event_type,
        item,
        deferred,
    } = row;
    let why = match (deferred.due, deferred.is_endpoints) {
        (_, true) => "its endpoint is in trouble",
        (Some(_), false) => "its last attempt failed",
        (None, false) => "an earlier one about the same record goes first",
    };
    let json = json!({
        "endpoint": endpoint,
        "event": item.to_string(),
        "type": event_type,
        "due": deferred.due,
        "attempts": deferred.attempts,
        "why": why,
    });
    Row {
        cells: vec![
            endpoint.to_string().into(),
            item.to_string().into(),
            event_type.into(),
            deferred.due.into(),
            deferred.attempts.to_string().into(),
            why.into(),
        ],
        json,
    }
}
