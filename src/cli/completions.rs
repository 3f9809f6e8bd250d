//! `completions`: what a shell needs to complete commands and options, generated from the argument
//! definitions.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Exit;
use super::args::Args;

pub(super) fn run(shell: Shell) -> anyhow::Result<Exit> {
    // We write to memory first: the generator panics if standard output is closed.
    let mut text = Vec::new();
    generate(shell, &mut Args::command(), "qlik-roster", &mut text);
    io::stdout().lock().write_all(&text)?;
    Ok(Exit::Success)
}
