//! `tenants`: shows every tenant, whether it is read, and its state.

use std::path::Path;

use crate::control::{LinkedRow, Standing, query};
use crate::daemon::Hooks;
use crate::view;

use super::Exit;
use super::args::{Format, TableArgs, TenantsArgs};
use super::output::{Printer, Row};
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

const COLUMNS: &[Column] = &[
    Column::new("NAME", 0).shrinkable(12),
    Column::new("ID", 5),
    Column::new("HOSTS", 3).shrinkable(20),
    Column::new("REGION", 6),
    Column::new("STATUS", 0),
    Column::new("CONNECTION", 7).shrinkable(10),
    Column::new("LAST SUCCESS", 1),
    Column::new("NEXT RUN", 4),
    Column::new("USERS", 2).number(),
];

pub(super) async fn run(config: Option<&Path>, args: TenantsArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = list(&client, &args.table).await;
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, table: &TableArgs) -> anyhow::Result<Exit> {
    let rows = ask(client).await?;
    let mut printer = Printer::new(table, COLUMNS)?;
    for linked in &rows {
        printer.row(row(linked))?;
    }
    let summary = format!("{}.", count(rows.len(), "tenant"));
    printer.finish(
        "No tenants yet. `qlik-roster sync` asks the console for them.",
        &summary,
    )?;
    if table.output.output == Format::Table {
        for (linked, why) in rows
            .iter()
            .filter_map(|row| Some((row, view::why_not_active(&row.standing)?)))
        {
            say(format_args!("{}: {why}", linked.name));
        }
    }
    Ok(Exit::Success)
}

/// Asks for all tenants.
pub(super) async fn ask(client: &StoreClient) -> anyhow::Result<Vec<LinkedRow>> {
    let asked = |after, limit| query::Tenants {
        tenant: None,
        after,
        limit,
    };
    client.all(usize::MAX, asked).await
}

fn row(linked: &LinkedRow) -> Row {
    let LinkedRow {
        name,
        id,
        hosts,
        region,
        standing,
        connection,
        last_success,
        next_run,
        users,
    } = linked;
    Row {
        cells: vec![
            name.to_string().into(),
            id.as_ref().map(ToString::to_string).into(),
            hosts.join(" ").into(),
            region.clone().into(),
            Cell::from(standing.word()).toned(Some(tone(standing))),
            connection.as_ref().map(ToString::to_string).into(),
            (*last_success).into(),
            (*next_run).into(),
            (*users).into(),
        ],
        json: view::tenant(linked),
    }
}

fn tone(standing: &Standing) -> Tone {
    match standing {
        Standing::Active => Tone::Good,
        Standing::Paused(_) => Tone::Dim,
        Standing::NeverReached { .. } | Standing::Failing { .. } => Tone::Bad,
    }
}
