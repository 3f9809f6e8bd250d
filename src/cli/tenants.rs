//! `tenants`: shows every tenant, whether it is read, and how that goes.

use std::path::Path;

use serde_json::json;

use crate::control::{LinkedRow, MAX_PAGE, Standing, query};
use crate::daemon::Hooks;

use super::Exit;
use super::args::{Format, TableArgs, TenantsArgs};
use super::output::{Printer, Row};
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

const COLUMNS: &[Column] = &[
    Column::new("NAME", 0).cut(12),
    Column::new("ID", 5),
    Column::new("HOSTS", 3).cut(20),
    Column::new("REGION", 6),
    Column::new("STATUS", 0),
    Column::new("CONNECTION", 7).cut(10),
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
        "No tenant yet. `qlik-roster sync` asks the console for some.",
        &summary,
    )?;
    if table.output.output == Format::Table {
        for (linked, why) in rows.iter().filter_map(|row| Some((row, why(row)?))) {
            say(format_args!("{}: {why}", linked.name));
        }
    }
    Ok(Exit::Success)
}

/// Asks for all tenants.
pub(super) async fn ask(client: &StoreClient) -> anyhow::Result<Vec<LinkedRow>> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let asked = query::Tenants {
            tenant: None,
            after,
            limit: MAX_PAGE,
        };
        let page = client.ask(asked).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(rows);
        }
    }
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
            Cell::from(word(standing)).toned(Some(tone(standing))),
            connection.as_ref().map(ToString::to_string).into(),
            (*last_success).into(),
            (*next_run).into(),
            (*users).into(),
        ],
        json: json!({
            "name": name,
            "id": id,
            "hosts": hosts,
            "region": region,
            "status": word(standing),
            "reason": why(linked),
            "connection": connection,
            "last_success": last_success,
            "next_run": next_run,
            "users": users,
        }),
    }
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Paused(_) => "paused",
        Standing::NeverReached { .. } => "never reached",
        Standing::Failing { .. } => "failing",
    }
}

fn tone(standing: &Standing) -> Tone {
    match standing {
        Standing::Active => Tone::Good,
        Standing::Paused(_) => Tone::Dim,
        Standing::NeverReached { .. } | Standing::Failing { .. } => Tone::Bad,
    }
}

fn why(linked: &LinkedRow) -> Option<String> {
    match &linked.standing {
        Standing::Active => None,
        Standing::Paused(pause) => Some(pause.to_string()),
        Standing::NeverReached { why } => why.clone(),
        Standing::Failing { why } => Some(why.clone()),
    }
}
