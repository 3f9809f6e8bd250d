//! `init`: writes a working configuration, and the secret that its webhook is signed with.
//!
//! Existing files are never overwritten: a configuration may have taken days, and a secret may be
//! in use. Everything is checked and asked before anything is written.

mod draft;
mod error;
mod questions;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

use crate::config::{self, Environment};
use crate::deliver::generate_shared_secret;
use crate::secret::Secret;

use super::Exit;
use super::args::InitArgs;
use super::style::{say, say_lines};
use draft::{ADDRESS, Draft, SIGNING_SECRET, Webhook};
pub(super) use error::InitError;
use questions::Answers;

/// Where the configuration is looked for if none is named.
const USUAL: &str = "qlik-roster.toml";

pub(super) fn run(args: InitArgs) -> anyhow::Result<Exit> {
    let template = match args.full {
        true => config::EXAMPLE,
        false => config::SHORT,
    };
    let is_printed = args.file == Path::new("-");
    if !is_printed && args.file.exists() {
        return Err(InitError::Exists { file: args.file }.into());
    }
    if args.full && args.says_nothing() {
        if is_printed {
            io::stdout().lock().write_all(config::EXAMPLE.as_bytes())?;
            return Ok(Exit::Success);
        }
        return write_example(&args.file);
    }
    let folder = args.file.parent().unwrap_or(Path::new("")).to_owned();
    let file = args.file.clone();
    let Answers { draft, secret } = questions::answer(args, &folder)?;
    let text = draft.fill(template);
    if is_printed {
        io::stdout().lock().write_all(text.as_bytes())?;
        if draft.webhook.as_ref().and_then(Webhook::secret).is_some() {
            say(format_args!(
                "The webhook's address is not printed, since anybody who knows it can post there: \
                 put it into {ADDRESS}, beside the configuration, mode 0600."
            ));
        }
        return Ok(Exit::Success);
    }
    let address = folder.join(ADDRESS);
    let secret_address = draft.webhook.as_ref().and_then(Webhook::secret);
    if secret_address.is_some() && address.exists() {
        return Err(InitError::Exists { file: address }.into());
    }
    let client_secret = folder.join(&draft.client_secret_file);
    if let Some(secret) = secret {
        write_secret(&client_secret, &secret)?;
        say(format_args!(
            "Wrote {}: the client's secret, which only its owner can read.",
            client_secret.display()
        ));
    }
    if let Some(url) = secret_address {
        write_secret(&address, &url)?;
        say(format_args!(
            "Wrote {}: the webhook's address, since anybody who knows it can post there. Only its \
             owner can read the file, and `url_file` names it in place of `url`.",
            address.display()
        ));
    }
    if draft.webhook.is_some() {
        sign_by(&folder.join(SIGNING_SECRET))?;
    }
    write_new(&file, 0o666, text.as_bytes())?;
    say(format_args!(
        "Wrote {}: the tenant `{}`.",
        file.display(),
        draft.tenant()
    ));
    tell_next(&file, &client_secret, &draft)
}

/// Writes the configuration with every setting, to be completed by hand.
fn write_example(file: &Path) -> anyhow::Result<Exit> {
    write_new(file, 0o666, config::EXAMPLE.as_bytes())?;
    say(format_args!(
        "Wrote {}: every setting, explained. Next: fill in your tenant and its OAuth client, then \
         run `{} check`.",
        file.display(),
        command(file)
    ));
    Ok(Exit::Success)
}

/// Creates the secret that deliveries are signed with, unless there is one.
fn sign_by(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    if path.exists() {
        say(format_args!(
            "Kept the existing {shown}: deliveries are signed with the secret in it."
        ));
        return Ok(());
    }
    write_secret(path, &generate_shared_secret()?)?;
    say(format_args!(
        "Wrote {shown}: a new secret that deliveries are signed with, which only its owner can \
         read. The receiver needs it to verify them."
    ));
    Ok(())
}

/// Says what to do next, and whether the configuration is valid as far as that is known.
fn tell_next(file: &Path, client_secret: &Path, draft: &Draft) -> anyhow::Result<Exit> {
    let command = command(file);
    if !client_secret.exists() {
        let shown = client_secret.display();
        say_lines(format_args!(
            "\nNext, put the client's secret into {shown}, for its owner only: paste it, then \
             press Enter and Ctrl-D.\n    (umask 077; cat > {shown})\nThen see what the \
             credentials can do:\n    {command} check"
        ));
        return Ok(Exit::Success);
    }
    // A problem with the secrets' files shows up here, and not at the next command.
    config::load(Some(file), &Environment::of_process())?;
    say_lines(format_args!(
        "\nNext, see what the credentials can do:\n    {command} check"
    ));
    if draft.webhook.is_some() {
        say_lines(format_args!(
            "and whether the webhook accepts a signed test event:\n    {command} check --endpoints"
        ));
    }
    Ok(Exit::Success)
}

/// Returns the command line that runs the program with this configuration.
fn command(file: &Path) -> String {
    match file == Path::new(USUAL) {
        true => "qlik-roster".to_owned(),
        false => format!("qlik-roster --config {}", file.display()),
    }
}

fn write_secret(path: &Path, secret: &Secret) -> anyhow::Result<()> {
    write_new(path, 0o600, format!("{}\n", secret.expose()).as_bytes())
}

/// Writes a file that must not exist yet; `mode` is still restricted by the umask.
fn write_new(path: &Path, mode: u32, text: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    let filled = |mut file: File| {
        let written = file.write_all(text).and_then(|()| file.sync_all());
        if written.is_err() {
            // The file was only just created and is useless.
            drop(fs::remove_file(path));
        }
        written
    };
    match opened.and_then(filled) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = path.to_owned();
            Err(InitError::Exists { file }.into())
        }
        written => written.with_context(|| format!("writing {}", path.display())),
    }
}
