//! `init`: writes a commented configuration to start from.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::config;

use super::Exit;
use super::args::InitArgs;
use super::style::say;

pub(super) fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    if args.file == Path::new("-") {
        io::stdout().lock().write_all(config::EXAMPLE.as_bytes())?;
        return Ok(Exit::Success);
    }
    let file = args.file.display();
    let mut options = OpenOptions::new();
    options
        .write(true)
        .truncate(args.force)
        .create(args.force)
        .create_new(!args.force);
    let mut out = match options.open(&args.file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{file} is there already; `--force` writes over it")
        }
        opened => opened.with_context(|| format!("writing {file}"))?,
    };
    out.write_all(config::EXAMPLE.as_bytes())
        .with_context(|| format!("writing {file}"))?;
    say(format_args!(
        "Wrote {file}. Next: fill in your tenant and its OAuth client, then run `qlik-roster \
         --config {file} check`."
    ));
    Ok(Exit::Success)
}
