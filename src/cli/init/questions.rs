//! Collects what a configuration needs: from the options, or else by asking on a terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use crate::cli::args::InitArgs;
use crate::cli::style::say;
use crate::connector::qlik::TenantHost;
use crate::secret::Secret;

use super::draft::{Draft, Webhook};
use super::error::InitError;

/// Everything that was collected.
pub(super) struct Answers {
    /// The answers from which the configuration is written.
    pub(super) draft: Draft,
    /// The client's secret. `None` if its file has it already, or the operator will put it there.
    pub(super) secret: Option<Secret>,
}

/// Takes the options, and asks for the rest. `folder` is the configuration's folder.
pub(super) fn answer(args: InitArgs, folder: &Path) -> anyhow::Result<Answers> {
    let InitArgs {
        file: _,
        host,
        client_id,
        client_secret_file,
        endpoint,
        full: _,
    } = args;
    let webhook = endpoint.as_deref().map(Webhook::parse).transpose()?;
    let client_id = client_id.as_deref().map(word).transpose()?;
    let is_all_said = host.is_some() && client_id.is_some();
    let may_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !may_ask && !is_all_said {
        let missing = [
            ("--host", host.is_none()),
            ("--client-id", client_id.is_none()),
        ];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
        let missing = missing.map(|(option, _)| option).collect();
        return Err(InitError::Unanswered { missing }.into());
    }
    // If the options give everything required, nothing is asked.
    let asks = may_ask && !is_all_said;
    let host = match host {
        Some(host) => host,
        None => ask(
            "The tenant's host name, or its address as the browser shows it: ",
            TenantHost::parse,
        )?,
    };
    let client_id = match client_id {
        Some(client_id) => client_id,
        None => ask("The id of its OAuth client: ", word)?,
    };
    let needs_secret = asks && !folder.join(&client_secret_file).exists();
    let secret = match needs_secret {
        true => ask_secret(&client_secret_file)?,
        false => None,
    };
    let webhook = match webhook {
        None if asks => ask(
            "Where to send changes, such as https://hr.example.com/hooks/qlik (Enter: nowhere \
             yet): ",
            |text| match text {
                "" => Ok(None),
                text => Webhook::parse(text).map(Some),
            },
        )?,
        webhook => webhook,
    };
    let draft = Draft {
        host,
        client_id,
        client_secret_file,
        webhook,
    };
    Ok(Answers { draft, secret })
}

/// Asks until the answer is valid.
fn ask<T, E: std::fmt::Display>(
    question: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> anyhow::Result<T> {
    loop {
        prompt(question)?;
        let mut line = String::new();
        let n_bytes = io::stdin().lock().read_line(&mut line);
        if n_bytes.context("reading the answer")? == 0 {
            return Err(InitError::Ended.into());
        }
        match read(line.trim()) {
            Ok(answer) => return Ok(answer),
            Err(error) => say(format_args!("  {error}")),
        }
    }
}

/// Asks for the client's secret, which is not shown.
fn ask_secret(file: &str) -> anyhow::Result<Option<Secret>> {
    prompt(&format!(
        "The client's secret, which is not shown and goes into {file} (Enter: later): "
    ))?;
    let text = rpassword::read_password().context("reading the secret")?;
    let secret = Secret::new(&text);
    Ok((!secret.is_empty()).then_some(secret))
}

fn prompt(text: &str) -> anyhow::Result<()> {
    let mut out = io::stderr().lock();
    write!(out, "{text}")
        .and_then(|()| out.flush())
        .context("asking")
}

/// A client's id is one word.
fn word(text: &str) -> Result<String, InitError> {
    let text = text.trim();
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_word
        .then(|| text.to_owned())
        .ok_or(InitError::BadClientId)
}
