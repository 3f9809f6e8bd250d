//! `backup` and `restore`: the store in one file.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::config::{self, Config, Environment};
use crate::store::Store;

use super::Exit;
use super::args::{BackupArgs, RestoreArgs};
use super::error::CliError;
use super::store_client::{Socket, daemon_has_store, has_store};
use super::style::say;

pub(super) async fn run(named: Option<&Path>, args: BackupArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(named)?;
    super::begin::start_logging(&config)?;
    if args.file == Path::new("-") {
        let out = BufWriter::new(io::stdout());
        let mut out = write(&config, out).await?;
        out.flush().context("writing the backup")?;
        return Ok(Exit::Success);
    }
    let folder = args.file.parent().filter(|folder| *folder != Path::new(""));
    // Only its owner can read it, and it takes its name when it is complete.
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let file = file.with_context(|| format!("making the backup {}", args.file.display()))?;
    let out = write(&config, BufWriter::new(file)).await?;
    let file = out.into_inner().context("writing the backup")?;
    file.as_file().sync_all().context("writing the backup")?;
    let written = file.path().to_owned();
    tokio::task::spawn_blocking(move || Store::verify_backup(&written)).await??;
    file.persist(&args.file).context("naming the backup")?;
    say(format_args!("The backup is in {}.", args.file.display()));
    Ok(Exit::Success)
}

/// Writes a backup: the daemon makes it if one runs.
async fn write<W: Write + Send + 'static>(config: &Config, mut out: W) -> anyhow::Result<W> {
    if let Some(daemon) = Socket::connect(&config.store).await? {
        daemon.back_up(&mut out).await?;
        return Ok(out);
    }
    if !has_store(config) {
        let why = format!("there is no store in {}", config.store.display());
        return Err(CliError::NotThere(why).into());
    }
    let path = config.store.clone();
    let written = tokio::task::spawn_blocking(move || {
        let store = Store::open(&path)?.store;
        let backed_up = store.back_up(&mut out);
        store.close()?;
        backed_up?;
        Ok(out)
    });
    written.await?
}

pub(super) async fn restore(named: Option<&Path>, args: RestoreArgs) -> anyhow::Result<Exit> {
    let path = config::store_folder(named, &Environment::of_process())?;
    if daemon_has_store(&path).await {
        let why = "a daemon uses the store; stop it first".to_owned();
        return Err(CliError::Impossible(why).into());
    }
    let (file, to): (PathBuf, PathBuf) = (args.file, path.clone());
    let restored = tokio::task::spawn_blocking(move || Store::restore(&file, &to)).await??;
    say(format_args!(
        "Restored {} rows to {}. `qlik-roster status` says what is missing since the backup.",
        restored.rows,
        path.display()
    ));
    Ok(Exit::Success)
}
