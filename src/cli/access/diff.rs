//! `access diff`: what differs between two times.

use crate::clock::Clock;
use crate::control::{DiffPage, DiffRow, Envelope, EverybodyDiff, query};
use crate::doing::counting;
use crate::model::{AccessChange, AccountChange, TenantName, Thousands};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessDiffArgs, Format};
use super::super::error::CliError;
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::{Cell, Column};
use super::answers::{self, Rows};
use super::asking::{Known, all_tenants, say_of, time};
use super::words;

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 4),
    Column::new("CHANGE", 0),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 5).shrinkable(24),
    Column::new("ID", 6),
    Column::new("RIGHT", 0).shrinkable(16),
    Column::new("BEFORE", 1).shrinkable(20),
    Column::new("AFTER", 1).shrinkable(20),
    Column::new("ACCOUNT", 3),
];

pub(super) async fn run(client: &StoreClient, args: AccessDiffArgs) -> anyhow::Result<Exit> {
    let AccessDiffArgs {
        from,
        to,
        role,
        space,
        list,
    } = args;
    let from = from.time(Clock::system().now());
    let to = time(to)?;
    if to.is_some_and(|to| to <= from) || from > Clock::system().now() {
        return Err(CliError::usage("`--from` must be earlier than `--to`").into());
    }
    let is_json = list.table.output.output == Format::Json;
    let mut rows = Rows::new(&list.table, COLUMNS);
    let mut left = list.limit().unwrap_or(usize::MAX);
    let mut answers = Vec::new();
    let tenants = all_tenants(client, list.tenant.clone()).await?;
    for tenant in tenants.known {
        let (_doing, found) = counting("comparing users", "found");
        let ask = |after, limit| query::AccessDiff {
            tenant: tenant.clone(),
            from,
            to,
            role: role.clone(),
            space: space.clone(),
            after,
            limit,
        };
        let mut n_rows = 0_usize;
        let take = |row: &DiffRow| {
            n_rows += 1;
            rows.row(row_of(&tenant, row))
        };
        let answer: DiffPage = answers::read(client, left, &found, ask, take).await?;
        left -= n_rows.min(left);
        answers.push((answer, n_rows as u64));
    }
    if let Some(space) = &space
        && answers.iter().all(|(answer, _)| answer.spaces.is_empty())
    {
        return Ok(unknown_space(space, &answers));
    }
    let told = answers
        .iter()
        .map(|(answer, n_rows)| view::diff_answer(from, answer, *n_rows));
    let mut printer = rows.into_printer()?;
    let unread = tenants.unread.iter().map(view::access_unread);
    printer.end_with(view::access_answers(told.chain(unread).collect()));
    let summary = format!("{}.", count(printer.n_rows(), "difference"));
    let envelopes = answers.iter().map(|(answer, _)| &answer.page.envelope);
    let nothing = match (role.or(space), Known::of(&tenants.unread, envelopes)) {
        (None, Known::All) => "Nobody's access differs.",
        (Some(_), Known::All) => "Nobody's access to such a right differs.",
        (None, Known::Part) => "Nobody was found whose access differs.",
        (Some(_), Known::Part) => "Nobody was found whose access to such a right differs.",
    };
    printer.finish(nothing, &summary)?;
    if !is_json {
        for (answer, _) in &answers {
            tell(&answer.page.envelope, &answer.everybody);
        }
    }
    Ok(Exit::Success)
}

/// Says that no space has, or had, this name.
fn unknown_space(space: &str, answers: &[(DiffPage, u64)]) -> Exit {
    say(format_args!(
        "No space was called `{space}` at either time."
    ));
    for (answer, _) in answers {
        say_of(&answer.page.envelope);
    }
    Exit::NotFound
}

/// Says what changed for all users of a tenant, and what the answer rests on.
fn tell(envelope: &Envelope, everybody: &[EverybodyDiff]) {
    for row in everybody {
        let what = match row.change {
            AccessChange::Granted => "is given to all users now",
            AccessChange::Revoked => {
                "is no longer given to all users; users with a path of their own keep it"
            }
            AccessChange::PathChanged => "is given to all users by other paths now",
        };
        let (tenant, users) = (&envelope.tenant, Thousands(row.users));
        let right = view::right_name(&row.right);
        say(format_args!("`{tenant}`, {users} users: {right} {what}."));
    }
    say_of(&Envelope {
        everybody: Vec::new(),
        ..envelope.clone()
    });
}

fn row_of(tenant: &TenantName, row: &DiffRow) -> Row {
    let account = match row.account {
        AccountChange::Stayed => "",
        AccountChange::Created => "new",
        AccountChange::Deleted => "deleted",
    };
    let cells = vec![
        tenant.to_string().into(),
        Cell::from(words::change(row.change)).toned(Some(words::tone(row.change))),
        row.user.label.clone().into(),
        row.user.email.clone().into(),
        row.user.id.0.to_string().into(),
        view::right_name(&row.right).into(),
        view::paths_in_words(&row.before).into(),
        view::paths_in_words(&row.after).into(),
        account.into(),
    ];
    Row {
        cells,
        json: view::access_diff(tenant, row),
    }
}
