//! `tenants`: shows every tenant, whether it is read, and how that goes.

use std::path::Path;

use serde_json::json;

use crate::control::{LinkedRow, Reply, Request, Standing};
use crate::daemon::Hooks;

use super::Exit;
use super::args::{Format, TenantsArgs};
use super::door::Door;
use super::output::{Printer, Row};
use super::style::say;

const COLUMNS: &[&str] = &[
    "NAME",
    "ID",
    "HOSTS",
    "REGION",
    "STATUS",
    "CONNECTION",
    "LAST SUCCESS",
    "NEXT RUN",
    "USERS",
];

pub(super) async fn run(config: Option<&Path>, args: TenantsArgs) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = list(&door, args.output.output).await;
    door.close().await?;
    exit
}

async fn list(door: &Door, format: Format) -> anyhow::Result<Exit> {
    let rows = ask(door).await?;
    let mut printer = Printer::new(format, COLUMNS)?;
    for linked in &rows {
        printer.row(row(linked))?;
    }
    printer.finish("No tenant yet. `qlik-roster sync` asks the console for some.")?;
    if format == Format::Table {
        for (linked, why) in rows.iter().filter_map(|row| Some((row, why(row)?))) {
            say(format_args!("{}: {why}", linked.name));
        }
    }
    Ok(Exit::Success)
}

/// Asks for all tenants.
pub(super) async fn ask(door: &Door) -> anyhow::Result<Vec<LinkedRow>> {
    match door.ask(Request::Tenants).await? {
        Reply::Tenants(rows) => Ok(rows),
        other => super::unexpected(&other),
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
    let shown = |value: Option<String>| value.unwrap_or_default();
    Row {
        cells: vec![
            name.to_string(),
            shown(id.as_ref().map(ToString::to_string)),
            hosts.join(" "),
            shown(region.clone()),
            word(standing).to_owned(),
            shown(connection.as_ref().map(ToString::to_string)),
            shown(last_success.map(|time| time.to_string())),
            shown(next_run.map(|time| time.to_string())),
            shown(users.map(|n| n.to_string())),
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

fn why(linked: &LinkedRow) -> Option<String> {
    match &linked.standing {
        Standing::Active => None,
        Standing::Paused(pause) => Some(pause.to_string()),
        Standing::NeverReached { why } => why.clone(),
        Standing::Failing { why } => Some(why.clone()),
    }
}
