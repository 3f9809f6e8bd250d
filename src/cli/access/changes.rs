//! `access changes`: how the rights of users changed, as each run found it.

use crate::clock::Clock;
use crate::control::{AccessChangeChoice, AccessChangeRow, query};
use crate::doing::counting;
use crate::model::{RightHolders, TenantName, Thousands};
use crate::view;

use super::super::Exit;
use super::super::args::AccessChangesArgs;
use super::super::output::{Printer, Row};
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::{Cell, Column};
use super::words;

const COLUMNS: &[Column] = &[
    Column::new("TIME", 1),
    Column::new("TENANT", 5),
    Column::new("CHANGE", 0),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 6).shrinkable(24),
    Column::new("ID", 7),
    Column::new("RIGHT", 0).shrinkable(24),
    Column::new("BEFORE", 2).shrinkable(20),
    Column::new("AFTER", 2).shrinkable(20),
    Column::new("EVENT", 4).number(),
];

pub(super) async fn run(client: &StoreClient, args: AccessChangesArgs) -> anyhow::Result<Exit> {
    let AccessChangesArgs {
        since,
        role,
        space,
        user,
        event,
        list,
    } = args;
    let since = since.map(|since| since.time(Clock::system().now()));
    let choice = AccessChangeChoice {
        since,
        role,
        space,
        user,
        event,
    };
    let tenant = list.tenant.clone().map(TenantName);
    let (_doing, found) = counting("reading events", "found");
    // Opened only with the first answer, so that standard output stays empty if the question fails.
    let mut printer = None;
    let (mut after, mut left) = (None, list.limit().unwrap_or(usize::MAX));
    let (first, has_more) = loop {
        let asked = query::AccessChanges {
            tenant: tenant.clone(),
            choice: choice.clone(),
            after,
            limit: left.max(1),
        };
        let answer = client.ask(asked).await?;
        let printer = match &mut printer {
            Some(printer) => printer,
            none => none.insert(Printer::new(&list.table, COLUMNS)?),
        };
        for row in answer.rows.iter().take(left) {
            printer.row(row_of(row))?;
        }
        found.add(answer.rows.len() as u64);
        left -= answer.rows.len().min(left);
        after = answer.next;
        if after.is_none() || left == 0 {
            break (answer.first, after.is_some());
        }
    };
    let printer = match printer {
        Some(printer) => printer,
        None => Printer::new(&list.table, COLUMNS)?,
    };
    let summary = format!("{}.", count(printer.n_rows(), "change"));
    printer.finish("Nobody gained or lost a right.", &summary)?;
    if has_more {
        say("There are more; `--limit` sets how many are shown.");
    }
    if let (Some(first), Some(since)) = (first, since)
        && since < first
    {
        say(format_args!(
            "Events are kept since {first}; what changed before that is no longer known."
        ));
    }
    Ok(Exit::Success)
}

fn row_of(row: &AccessChangeRow) -> Row {
    let right = &row.right;

    let (user, email, id) = match &right.holders {
        RightHolders::One(holder) => (
            holder.label().to_owned(),
            holder.email.clone(),
            Some(holder.id.to_string()),
        ),
        RightHolders::Listed { count, .. } => (format!("{} users", Thousands(*count)), None, None),
        RightHolders::Everybody { count } => {
            (format!("all {} users", Thousands(*count)), None, None)
        }
    };
    let cells = vec![
        row.at.into(),
        row.tenant.to_string().into(),
        Cell::from(words::change(right.change)).toned(Some(words::tone(right.change))),
        user.into(),
        email.into(),
        id.into(),
        view::right_name(&right.right).into(),
        view::paths_in_words(&right.before).into(),
        view::paths_in_words(&right.after).into(),
        row.seq.to_string().into(),
    ];
    Row {
        cells,
        json: view::access_change(row),
    }
}
