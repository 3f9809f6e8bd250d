//! `endpoints`: lists them, tests one, enables or disables it, starts a backfill.

use std::path::Path;

use crate::clock::Clock;
use crate::config::Config;
use crate::control::{ControlError, EndpointRow, Wish, command, query};
use crate::daemon::Hooks;
use crate::deliver::Endpoint;
use crate::model::EndpointName;
use crate::view;

use super::args::{EndpointsAction, EndpointsArgs, TableArgs};
use super::endpoint_state::{events, tone};
use super::output::{Printer, Row};
use super::replay::when;
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::{Exit, actor, check, rotate};

const COLUMNS: &[Column] = &[
    Column::new("ENDPOINT", 0).shrinkable(12),
    Column::new("ORIGIN", 4).shrinkable(20),
    Column::new("FORMAT", 6),
    Column::new("STATE", 0),
    Column::new("BEHIND", 2).number(),
    Column::new("WAITING", 3).number(),
    Column::new("PARKED", 2).number(),
    Column::new("LAST DELIVERED", 3),
    Column::new("DETAIL", 1).shrinkable(20),
    Column::new("PUBLIC KEY", 7).shrinkable(20),
];

pub(super) async fn run(config: Option<&Path>, args: EndpointsArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    match args.action.unwrap_or(EndpointsAction::List(args.table)) {
        EndpointsAction::List(args) => list(&config, args).await,
        EndpointsAction::Test { endpoint, table } => test(&config, endpoint, &table).await,
        EndpointsAction::Enable { endpoint } => order(&config, endpoint, Wish::Enable).await,
        EndpointsAction::Disable { endpoint } => order(&config, endpoint, Wish::Disable).await,
        EndpointsAction::Backfill { endpoint } => order(&config, endpoint, Wish::Backfill).await,
        EndpointsAction::RotateSecret { endpoint, print } => {
            let endpoint = configured(&config, endpoint)?;
            let how = match print {
                true => rotate::How::Print,
                false => rotate::How::Write,
            };
            rotate::run(&config, endpoint, how)
        }
    }
}

/// Finds an endpoint of the configuration.
fn configured(config: &Config, name: String) -> anyhow::Result<&Endpoint> {
    let name = EndpointName(name);
    let mut endpoints = config.endpoints.iter();
    let found = endpoints.find(|endpoint| *endpoint.name() == name);
    found.ok_or_else(|| {
        let endpoints = config.endpoints.iter();
        let known: Vec<_> = endpoints.map(|endpoint| endpoint.name().clone()).collect();
        ControlError::unknown_endpoint(&name, &known).into()
    })
}

async fn list(config: &Config, args: TableArgs) -> anyhow::Result<Exit> {
    let client = StoreClient::open(config, Hooks::none()).await?;
    let rows = ask(&client).await;
    client.close().await?;
    let rows = rows?;
    let mut printer = Printer::new(&args, COLUMNS)?;
    for row in &rows {
        let mut endpoints = config.endpoints.iter();
        let endpoint = endpoints.find(|endpoint| *endpoint.name() == row.name);
        printer.row(cells(row, endpoint))?;
    }
    let summary = format!("{}.", count(rows.len(), "endpoint"));
    printer.finish(
        "No endpoint is configured: `[[endpoints]]` of the configuration lists them.",
        &summary,
    )?;
    Ok(Exit::Success)
}

async fn test(config: &Config, name: String, table: &TableArgs) -> anyhow::Result<Exit> {
    let endpoint = configured(config, name)?;
    let lines = check::trial(endpoint, &Clock::system()).await?;
    let exit = check::exit_of(&lines);
    check::print(lines, table)?;
    Ok(exit)
}

async fn order(config: &Config, name: String, wish: Wish) -> anyhow::Result<Exit> {
    let endpoint = EndpointName(name);
    let client = StoreClient::open(config, Hooks::none()).await?;
    let set = command::SetEndpoint { endpoint, wish };
    let ordered = client.order(actor::own(), set).await;
    let when = ordered.as_ref().map(|row| when(&client, row)).ok();
    client.close().await?;
    let (row, when) = (ordered?, when.unwrap_or_default());
    let (name, settled) = (&row.name, row.settled);
    match wish {
        Wish::Enable => say(format_args!(
            "`{name}` continues after event {settled}, with {} to go: {when}",
            events(row.behind)
        )),
        Wish::Disable => say(format_args!(
            "`{name}` gets no more events and keeps its position; `qlik-roster endpoints enable \
             {name}` lets it continue where it stopped, as far back as `keep` in `[store]` \
             reaches."
        )),
        Wish::Backfill => say(format_args!(
            "`{name}` gets everything that is known, then what follows event {settled}: {when}"
        )),
    }
    Ok(Exit::Success)
}

/// Asks for all endpoints.
async fn ask(client: &StoreClient) -> anyhow::Result<Vec<EndpointRow>> {
    let asked = |after, limit| query::Endpoints {
        endpoint: None,
        after,
        limit,
    };
    client.all(usize::MAX, asked).await
}

/// Returns the cells of an endpoint; those from the configuration are empty without it.
fn cells(row: &EndpointRow, endpoint: Option<&Endpoint>) -> Row {
    let format = endpoint.map(|endpoint| endpoint.format().name());
    let keys = endpoint.map(Endpoint::public_keys).unwrap_or_default();
    let cells = vec![
        row.name.to_string().into(),
        row.origin.clone().into(),
        format.into(),
        Cell::from(row.state.word()).toned(tone(row)),
        row.behind.into(),
        row.waiting.into(),
        Cell::from(row.parked).toned((row.parked > 0).then_some(Tone::Bad)),
        row.delivered_at.into(),
        row.state.detail().into(),
        keys.join(" ").into(),
    ];
    Row {
        cells,
        json: view::configured_endpoint(row, endpoint),
    }
}
