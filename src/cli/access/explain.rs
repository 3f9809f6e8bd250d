//! `access explain`: each path by which a user holds a role, or that there is none.

use std::collections::BTreeSet;
use std::io::Write;

use crate::control::query::Opened;
use crate::control::{AccessRow, Since, UserAccess};
use crate::model::Reported;
use crate::printable;
use crate::view;

use super::super::Exit;
use super::super::args::{AccessExplainArgs, Format};
use super::super::output::{self, Printer, Row, print_one};
use super::super::store_client::StoreClient;
use super::asking::time;
use super::cells::{About, cells, columns};
use super::list::role_is_known;
use super::{explain_space, user, words};

pub(super) async fn run(client: &StoreClient, args: AccessExplainArgs) -> anyhow::Result<Exit> {
    let AccessExplainArgs {
        user: called,
        role,
        space,
        app,
        time: as_of,
        tenant,
        output,
    } = args;
    let at = time(as_of.as_of)?;
    if let Some(opened) = space.map(Opened::Space).or(app.map(Opened::App)) {
        let asked = explain_space::Asked {
            user: &called,
            opened,
            at,
            tenant,
        };
        return explain_space::run(client, asked, &output).await;
    }
    let role = role.unwrap_or_default();
    let found = user::all(client, (&called, Some(&role)), at, tenant).await?;
    let tenants: BTreeSet<_> = found.iter().map(|it| it.envelope.tenant.clone()).collect();
    if !role_is_known(client, &role, at, tenants).await? {
        return Ok(Exit::NotFound);
    }
    for answer in &found {
        let rows = answer.roles.as_slice();
        match output.output {
            Format::Table => tell(answer, rows, &role)?,
            Format::Json => {
                print_one(Format::Json, &[], &view::explained(&answer.envelope, rows))?;
            }
            Format::Jsonl | Format::Csv => {
                let mut printer = Printer::new(&output.output.into(), columns(About::Role))?;
                for row in rows {
                    let tenant = &answer.envelope.tenant;
                    printer.row(Row {
                        cells: cells(tenant, row),
                        json: view::access(tenant, row),
                    })?;
                }
                printer.finish("", "")?;
            }
        }
    }
    Ok(Exit::Success)
}

/// Says since when a user has had a role and who gave it, in a sentence.
fn since(row: &AccessRow) -> Option<String> {
    Some(match row.since.as_ref()? {
        Since::Observed { at, run } => format!("It was found at {at}, by {run}."),
        Since::Audit {
            found_at,
            run,
            reported: Reported { first, last, .. },
        } => {
            let when = match first == last {
                true => format!("at {last}"),
                false => format!("between {first} and {last}"),
            };
            let by = match row.given_by.as_slice() {
                [] => String::new(),
                givers => format!(" by {}", words::givers(givers)),
            };
            format!(
                "It was given {when}{by}, as far as the audit log reports; {run} found it at {found_at}."
            )
        }
        Since::BeforeFirstLoad { at } => {
            format!("It was there already when the tenant was first read, at {at}.")
        }
        Since::Before { at } => {
            format!("It was there already at {at}; nothing is known of the time before.")
        }
    })
}

/// Draws each path, and says what it would take to remove the role.
fn tell(answer: &UserAccess, rows: &[AccessRow], called: &str) -> anyhow::Result<()> {
    let Some(user) = &answer.user else {
        return Ok(());
    };
    let mut lines = Vec::new();
    let tenant = &answer.envelope.tenant;
    if rows.is_empty() {
        lines.push(format!(
            "{} holds no role `{called}` in `{tenant}`.",
            user.label
        ));
        if let Some(by) = &answer.can_grant {
            lines.push(format!(
                "{} could assign it to this account, by {}.",
                user.label,
                view::role_name(by)
            ));
        }
    }
    for row in rows {
        let role = view::role_name(&row.role);
        lines.push(match row.paths.len() {
            1 => format!("{} holds {role} in `{tenant}` by one path:", user.label),
            n => format!(
                "{} holds {role} in `{tenant}` by {n} paths; the role is lost only when all of \
                 them are removed:",
                user.label
            ),
        });
        let paths = row.paths.iter();
        lines.extend(paths.map(|path| format!("  {}", words::drawn(user, path, &row.role))));
        lines.extend(since(row));
        if let Some(barrier) = user.barrier {
            lines.push(format!("It cannot be used at present: {}.", barrier.word()));
        }
    }
    let groups = rows.iter().flat_map(|row| &row.paths);
    let groups = groups.filter_map(|shown| shown.path.group());
    let of_idp: BTreeSet<&str> = groups
        .filter_map(|group| answer.of_idp.get(group).map(String::as_str))
        .collect();
    if !of_idp.is_empty() {
        let of_idp: Vec<&str> = of_idp.into_iter().collect();
        lines.extend(words::seen(answer, &of_idp));
    }
    let lacking = answer.envelope.not_known.iter();
    lines.extend(lacking.map(|it| format!("`{tenant}`: {}", words::not_known(it))));
    let mut out = output::stdout();
    for line in lines {
        writeln!(out, "{}", printable::line(&line))?;
    }
    Ok(out.flush()?)
}
