//! `access explain --space` and `--app`: each path by which a user can open a space or an app, or
//! that there is none.

use std::io::Write;

use serde_json::json;

use crate::control::query::Opened;
use crate::control::{PERSONAL, SpaceAccess, SpaceRow, SpaceShown};
use crate::printable;
use crate::view;

use super::super::Exit;
use super::super::args::{Format, OutputArgs};
use super::super::error::CliError;
use super::super::output::{self, Printer, Row, print_one};
use super::super::store_client::StoreClient;
use super::super::style::say;
use super::asking::{say_of, users};
use super::space::{COLUMNS, cells, not_found, of_user};
use super::{space_words, words};
use crate::model::Timestamp;

/// A question's user, and its space or app.
pub(super) struct Asked<'a> {
    pub(super) user: &'a str,
    pub(super) opened: Opened,
    pub(super) at: Option<Timestamp>,
    pub(super) tenant: Option<String>,
}

pub(super) async fn run(
    client: &StoreClient,
    asked: Asked<'_>,
    output: &OutputArgs,
) -> anyhow::Result<Exit> {
    let mut answers = Vec::new();
    for (tenant, user) in users(client, asked.user, asked.tenant).await? {
        answers.push(of_user(client, tenant, user, &asked.opened, asked.at).await?);
    }
    if answers.iter().all(|answer| answer.found.is_empty()) && !answers.is_empty() {
        say(format_args!("{}", not_found(&asked.opened)));
        for answer in &answers {
            say_of(&answer.envelope);
            if output.output == Format::Json {
                let told = json!({ "rows": [], "answer": view::space_answer(answer, 0) });
                print_one(Format::Json, &[], &told)?;
            }
        }
        return Ok(Exit::NotFound);
    }
    answers.retain(|answer| !answer.rows.is_empty());
    if answers.is_empty() {
        let detail = format!("no user is called `{}`", asked.user);
        return Err(CliError::NotThere(detail).into());
    }
    for answer in &answers {
        let (Some(shown), Some(row)) = (&answer.space, answer.rows.first()) else {
            continue;
        };
        let tenant = &answer.envelope.tenant;
        let json = || view::space_row(tenant, &shown.space, &shown.names, row);
        match output.output {
            Format::Table => tell(answer, (shown, &asked.opened), row)?,
            Format::Json => print_one(
                Format::Json,
                &[],
                &json!({ "rows": [json()], "answer": view::space_answer(answer, 1) }),
            )?,
            Format::Jsonl | Format::Csv => {
                let mut printer = Printer::new(&output.output.into(), COLUMNS)?;
                printer.row(Row {
                    cells: cells(tenant, &shown.names, row),
                    json: json(),
                })?;
                printer.finish("", "")?;
            }
        }
    }
    Ok(Exit::Success)
}

/// Prints each path to the space or the app.
fn tell(
    answer: &SpaceAccess,
    (shown, opened): (&SpaceShown, &Opened),
    row: &SpaceRow,
) -> anyhow::Result<()> {
    let tenant = &answer.envelope.tenant;
    let (user, space) = (&row.user, &shown.space.name);
    let (n_paths, what, end) = match opened {
        Opened::Space(_) => (
            row.grants.len(),
            format!("the space {space}"),
            space.clone(),
        ),
        Opened::App(app) => (
            row.grants.len() + row.shares.len(),
            match shown.space.sort.as_deref() {
                Some(PERSONAL) => format!("the app {app} in a personal space"),
                Some(_) | None => format!("the app {app} of the space {space}"),
            },
            format!("{space} -> app {app}"),
        ),
    };
    let mut lines = vec![match n_paths {
        0 => format!("{} has no access to {what} in `{tenant}`.", user.label),
        1 => format!(
            "{} has access to {what} in `{tenant}` by one path:",
            user.label
        ),
        n => format!(
            "{} has access to {what} in `{tenant}` by {n} paths; the access ends only when all of \
             them are removed:",
            user.label
        ),
    }];
    let grants = row.grants.iter();
    lines.extend(grants.map(|grant| {
        let drawn = space_words::drawn(&shown.names, user, grant, &end);
        format!("  {drawn}")
    }));
    let shares = row.shares.iter();
    lines.extend(shares.map(|share| {
        let drawn = space_words::drawn_app(&shown.names, user, share);
        format!("  {drawn}")
    }));
    if let (true, Some(role)) = (row.grants.is_empty(), &row.could_by) {
        lines.push(format!(
            "{} could take any role there, by {}.",
            user.label,
            view::role_name(role)
        ));
    }
    if let Some(barrier) = user.barrier {
        lines.push(format!("It cannot be used at present: {}.", barrier.word()));
    }
    let lacking = answer.envelope.not_known.iter();
    lines.extend(lacking.map(|it| format!("`{tenant}`: {}", words::not_known(it))));
    let mut out = output::stdout();
    for line in lines {
        writeln!(out, "{}", printable::line(&line))?;
    }
    Ok(out.flush()?)
}
