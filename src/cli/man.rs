//! `man`: manual pages, one for each command, generated from the argument definitions.

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::Exit;
use super::args::Args;
use super::style::say;

pub(super) fn run(folder: &Path) -> anyhow::Result<Exit> {
    let shown = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("making {shown}"))?;
    clap_mangen::generate_to(Args::command(), folder)
        .with_context(|| format!("writing the manual pages into {shown}"))?;
    say(format_args!(
        "Wrote the manual pages into {shown}; `man -l {shown}/qlik-roster.1` shows the first."
    ));
    Ok(Exit::Success)
}
