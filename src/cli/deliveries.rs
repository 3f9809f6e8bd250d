//! `deliveries`: lists attempts, pending and parked deliveries; shows an event's attempts.

use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::Value;

use crate::control::{
    AttemptRow, Ended, EventName, MAX_PAGE, ParkedRow, WaitingRow, command, query,
};
use crate::daemon::Hooks;
use crate::model::EndpointName;
use crate::view;

use super::args::{DeliveriesAction, DeliveriesArgs, DeliveryListArgs, Format, TableArgs};
use super::error::CliError;
use super::output::{Printer, Row, print_one};
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::{Exit, actor};

const COLUMNS: &[Column] = &[
    Column::new("TIME", 1),
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 2).shrinkable(14),
    Column::new("TYPE", 3),
    Column::new("ATTEMPT", 5).number(),
    Column::new("STATUS", 4).number(),
    Column::new("TOOK", 6).number(),
    Column::new("RESULT", 0).shrinkable(24),
];

const SHOWN_COLUMNS: &[Column] = &[
    Column::new("TIME", 1),
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 2).shrinkable(14),
    Column::new("TYPE", 3),
    Column::new("ATTEMPT", 5).number(),
    Column::new("STATUS", 4).number(),
    Column::new("TOOK", 6).number(),
    Column::new("RESULT", 0).shrinkable(24),
    Column::new("ANSWER", 2).shrinkable(20),
];

const PARKED_COLUMNS: &[Column] = &[
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 0).shrinkable(14),
    Column::new("TYPE", 3),
    Column::new("SINCE", 2),
    Column::new("ATTEMPTS", 4).number(),
    Column::new("REASON", 1).shrinkable(24),
];

const WAITING_COLUMNS: &[Column] = &[
    Column::new("ENDPOINT", 1),
    Column::new("EVENT", 0).shrinkable(14),
    Column::new("TYPE", 3),
    Column::new("DUE", 2),
    Column::new("ATTEMPTS", 4).number(),
    Column::new("WHY", 1).shrinkable(24),
];

/// Rows listed without `--limit`.
const DEFAULT_LIMIT: usize = 50;

pub(super) async fn run(config: Option<&Path>, args: DeliveriesArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&client, args.list).await,
        Some(DeliveriesAction::List(args)) => list(&client, args).await,
        Some(DeliveriesAction::Show {
            event,
            endpoint,
            table,
        }) => show(&client, event, endpoint, &table).await,
        Some(DeliveriesAction::Dismiss {
            endpoint,
            event,
            all: _,
        }) => dismiss(&client, endpoint, event).await,
    };
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    match (args.parked, args.waiting) {
        (true, _) => parked(client, args).await,
        (false, true) => waiting(client, args).await,
        (false, false) => attempts(client, args).await,
    }
}

async fn attempts(client: &StoreClient, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let endpoint = args.endpoint.map(EndpointName);
    let ended = match args.failed {
        true => Ended::Failed,
        false => Ended::Anyhow,
    };
    let asked = |before, limit| query::Attempts {
        endpoint: endpoint.clone(),
        event: args.event.clone(),
        ended,
        before,
        limit,
    };
    let limit = args.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get);
    let mut pages = client.pages(limit, asked).await?;
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    let mut n_failed = 0;
    while let Some(page) = pages.next().await? {
        for row in &page.rows {
            n_failed += usize::from(row.attempt.error.is_some());
            printer.row(Row {
                cells: cells(row),
                json: view::attempt(row),
            })?;
        }
    }
    let attempts = count(printer.n_rows(), "attempt");
    let summary = match n_failed {
        0 => format!("{attempts} shown, newest first."),
        n => format!("{attempts} shown, newest first; {n} failed."),
    };
    printer.finish(
        "No delivery attempt is on record: nothing was due, or it was more than a week ago.",
        &summary,
    )?;
    Ok(Exit::Success)
}

async fn show(
    client: &StoreClient,
    event: EventName,
    endpoint: Option<String>,
    table: &TableArgs,
) -> anyhow::Result<Exit> {
    let format = table.output.output;
    let name = event.to_string();
    let asked = query::Attempts {
        endpoint: endpoint.map(EndpointName),
        event: Some(event),
        ended: Ended::Anyhow,
        before: None,
        limit: MAX_PAGE,
    };
    let rows = client.ask(asked).await?.rows;
    if rows.is_empty() {
        let detail = format!("no attempt to deliver event {name} is on record");
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
        printer.row(Row {
            cells: shown(row),
            json: view::shown_attempt(row),
        })?;
    }
    printer.finish("", "")?;
    Ok(Exit::Success)
}

async fn parked(client: &StoreClient, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let endpoint = args.endpoint.map(EndpointName);
    let asked = |after, limit| query::Parked {
        endpoint: endpoint.clone(),
        after,
        limit,
    };
    let limit = args.limit.map_or(usize::MAX, NonZeroUsize::get);
    let mut pages = client.pages(limit, asked).await?;
    let mut printer = Printer::new(&args.table, PARKED_COLUMNS)?;
    let mut exit = Exit::Success;
    while let Some(page) = pages.next().await? {
        for row in page.rows {
            exit = Exit::Waiting;
            printer.row(parked_row(row))?;
        }
    }
    let summary = format!(
        "{} given up on; `qlik-roster replay --parked` sends again what is parked.",
        count(printer.n_rows(), "event")
    );
    printer.finish("Nothing was given up on.", &summary)?;
    Ok(exit)
}

async fn waiting(client: &StoreClient, args: DeliveryListArgs) -> anyhow::Result<Exit> {
    let endpoint = args.endpoint.map(EndpointName);
    let asked = |after, limit| query::Waiting {
        endpoint: endpoint.clone(),
        after,
        limit,
    };
    let limit = args.limit.map_or(DEFAULT_LIMIT, NonZeroUsize::get);
    let mut pages = client.pages(limit, asked).await?;
    let mut printer = Printer::new(&args.table, WAITING_COLUMNS)?;
    while let Some(page) = pages.next().await? {
        for row in page.rows {
            printer.row(waiting_row(row))?;
        }
    }
    let n_rows = printer.n_rows();
    let summary = format!("{} shown.", count(n_rows, "event"));
    printer.finish("Nothing is waiting for another attempt.", &summary)?;
    if pages.has_more() {
        say(format_args!(
            "These are the first {n_rows}; `qlik-roster endpoints list` shows how many are waiting."
        ));
    }
    Ok(Exit::Success)
}

async fn dismiss(
    client: &StoreClient,
    endpoint: String,
    event: Option<EventName>,
) -> anyhow::Result<Exit> {
    let endpoint = EndpointName(endpoint);
    let dismiss = command::Dismiss {
        endpoint: endpoint.clone(),
        event,
    };
    match client.order(actor::own(), dismiss).await? {
        0 => say(format_args!("Nothing is parked for `{endpoint}`.")),
        events => say(format_args!(
            "Dismissed for `{endpoint}`: {events}. They will never be sent."
        )),
    }
    Ok(Exit::Success)
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

fn parked_row(row: ParkedRow) -> Row {
    let json = view::parked(&row);
    let ParkedRow {
        endpoint,
        event_type,
        parked,
    } = row;
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
    let json = view::waiting(&row);
    let why = view::why_it_waits(&row.deferred);
    let WaitingRow {
        endpoint,
        event_type,
        item,
        deferred,
    } = row;
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
