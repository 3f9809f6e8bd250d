//! `export --name`: writes an export of the configuration now.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::control::{ControlError, Exported, command};
use crate::daemon::Hooks;
use crate::doing::doing;
use crate::export::{self, Export};
use crate::model::ExportName;
use crate::signal;

use super::super::store_client::{Own, StoreClient};
use super::super::style::{count, say};
use super::super::{Exit, actor, begin, output};

pub(super) async fn run(config: Option<&Path>, name: ExportName) -> anyhow::Result<Exit> {
    let config = begin::load(config)?;
    let export = find(&config, &name)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exported = write(&client, export).await;
    client.close().await?;
    let exported = exported?;
    let mut out = output::stdout();
    writeln!(out, "{}", exported.path)?;
    out.flush()?;
    let n_rows = usize::try_from(exported.rows).unwrap_or(usize::MAX);
    say(format_args!(
        "{}, as of {}.",
        count(n_rows, "row"),
        exported.as_of
    ));
    if exported.is_complete {
        return Ok(Exit::Success);
    }
    say("Not everything is known; the manifest says what is not.");
    Ok(Exit::Partial)
}

fn find<'a>(config: &'a Config, name: &ExportName) -> Result<&'a Export, ControlError> {
    let found = config.exports.iter().find(|export| export.name == *name);
    found.ok_or_else(|| {
        let exports = config.exports.iter();
        ControlError::unknown_export(name, &exports.map(|it| it.name.0.as_str()).collect())
    })
}

/// Writes it. If a daemon runs, it writes: the files then belong to its user, like all others.
async fn write(client: &StoreClient, export: &Export) -> anyhow::Result<Exported> {
    let _doing = doing(format!("writing the export `{}`", export.name));
    match client {
        StoreClient::Daemon(socket) => {
            let order = command::WriteExport {
                name: export.name.clone(),
            };
            let begun = socket.order(actor::own(), order).await?;
            socket.outcome_watched(begun).await
        }
        StoreClient::Own(own) => here(own, export).await,
    }
}

async fn here(own: &Own, export: &Export) -> anyhow::Result<Exported> {
    let (control, export) = (Arc::clone(&own.parts.control), export.clone());
    let (trigger, shutdown) = signal::shutdown();
    let written = tokio::task::spawn_blocking(move || {
        let written = export::write(&control, &export, &shutdown);
        written.map_err(|failed| failed.failure(control.now()))
    });
    let written = written.await?;
    drop(trigger);
    Ok(written.map_err(|failure| ControlError::NotExported { failure })?)
}
