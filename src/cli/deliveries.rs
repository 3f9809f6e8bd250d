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
use super::args::{DeliveriesAction, DeliveriesArgs, DeliveryListArgs, Format};
use super::door::Door;
use super::output::{Printer, Row, print_one};
use super::style::say;

const COLUMNS: &[&str] = &[
    "TIME", "ENDPOINT", "EVENT", "TYPE", "ATTEMPT", "STATUS", "TOOK", "RESULT",
];

const SHOWN_COLUMNS: &[&str] = &[
    "TIME", "ENDPOINT", "EVENT", "TYPE", "ATTEMPT", "STATUS", "TOOK", "RESULT", "ANSWER",
];

const PARKED_COLUMNS: &[&str] = &["ENDPOINT", "EVENT", "TYPE", "SINCE", "ATTEMPTS", "REASON"];

const WAITING_COLUMNS: &[&str] = &["ENDPOINT", "EVENT", "TYPE", "DUE", "ATTEMPTS", "WHY"];

/// Rows listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: DeliveriesArgs) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&door, args.list).await,
        Some(DeliveriesAction::List(args)) => list(&door, args).await,
        Some(DeliveriesAction::Show {
            event,
            endpoint,
            output,
        }) => show(&door, event, endpoint, output.output).await,
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
    let mut printer = Printer::new(args.output.output, COLUMNS)?;
    for row in &rows {
        printer.row(Row {
            cells: cells(row),
            json: outside(row),
        })?;
    }
    printer.finish("No attempts that are kept.")?;
    Ok(Exit::Success)
}

async fn show(
    door: &Door,
    event: EventName,
    endpoint: Option<String>,
    format: Format,
) -> anyhow::Result<Exit> {
    let name = event.to_string();
    let request = DeliveryRequest::Attempts {
        endpoint: endpoint.map(EndpointName),
        event: Some(event),
        ended: Ended::Anyhow,
        limit: MAX_PAGE,
    };
    let rows = ask_attempts(door, request).await?;
    if rows.is_empty() {
        say(format_args!("No attempt at event {name} is kept."));
        return Ok(Exit::NotFound);
    }
    if format == Format::Table {
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                say("");
            }
            let cells = shown(row);
            let lines: Vec<_> = SHOWN_COLUMNS.iter().copied().zip(cells).collect();
            print_one(format, &lines, &Value::Null)?;
        }
        return Ok(Exit::Success);
    }
    let mut printer = Printer::new(format, SHOWN_COLUMNS)?;
    for row in &rows {
        let mut json = outside(row);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("answer".to_owned(), (&*row.attempt.answer).into());
        }
        let cells = shown(row);
        printer.row(Row { cells, json })?;
    }
    printer.finish("")?;
    Ok(Exit::Success)
}

async fn parked(door: &Door, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let endpoint = args.endpoint.map(EndpointName);
    let mut left = args.limit.map_or(usize::MAX, NonZeroUsize::get);
    let (mut after, mut exit) = (None, Exit::Success);
    let mut printer = Printer::new(args.output.output, PARKED_COLUMNS)?;
    while left > 0 {
        let request = DeliveryRequest::Parked {
            endpoint: endpoint.clone(),
            after: after.take(),
            limit: left.min(MAX_PAGE),
        };
        let rows = match door.ask(Request::Deliveries(request)).await? {
            Reply::Deliveries(DeliveryReply::Parked(rows)) => rows,
            other => return super::unexpected(&other),
        };
        let Some(last) = rows.last() else { break };
        after = Some((last.endpoint.clone(), last.parked.item.clone()));
        left -= rows.len();
        exit = Exit::Waiting;
        for row in rows {
            printer.row(parked_row(row))?;
        }
    }
    printer.finish("Nothing was given up on.")?;
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
        other => return super::unexpected(&other),
    };
    let n_rows = rows.len();
    let mut printer = Printer::new(args.output.output, WAITING_COLUMNS)?;
    for row in rows {
        printer.row(waiting_row(row))?;
    }
    printer.finish("Nothing waits for another attempt.")?;
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
        other => return super::unexpected(&other),
    }
    Ok(Exit::Success)
}

async fn ask_attempts(door: &Door, request: DeliveryRequest) -> anyhow::Result<Vec<AttemptRow>> {
    match door.ask(Request::Deliveries(request)).await? {
        Reply::Deliveries(DeliveryReply::Attempts(rows)) => Ok(rows),
        other => super::unexpected(&other),
    }
}

fn cells(row: &AttemptRow) -> Vec<String> {
    let attempt = &row.attempt;
    let status = attempt.status.map(|status| status.to_string());
    vec![
        attempt.at.to_string(),
        row.endpoint.to_string(),
        attempt.item.to_string(),
        attempt.event_type.to_string(),
        attempt.number.to_string(),
        status.unwrap_or_default(),
        format!("{} ms", attempt.took_ms),
        printable(attempt.error.as_deref().unwrap_or("delivered")),
    ]
}

fn shown(row: &AttemptRow) -> Vec<String> {
    let mut cells = cells(row);
    cells.push(printable(&row.attempt.answer));
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
            endpoint.to_string(),
            parked.item.to_string(),
            event_type.unwrap_or_default(),
            parked.at.to_string(),
            parked.attempts.to_string(),
            printable(&parked.reason),
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
            endpoint.to_string(),
            item.to_string(),
            event_type.unwrap_or_default(),
            deferred.due.map_or_else(String::new, |due| due.to_string()),
            deferred.attempts.to_string(),
            why.to_owned(),
        ],
        json,
    }
}

/// What a receiver answered, without what would move a terminal's cursor or break a table.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}
