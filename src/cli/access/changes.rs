//! `access changes`: how the rights of users changed, as each run found it.

use crate::clock::Clock;
use crate::control::{AccessChangeChoice, AccessChangeRow, ChangesAnswer, query};
use crate::doing::counting;
use crate::model::{RightHolders, TenantName, Thousands, Timestamp};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessChangesArgs, Format};
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::{Cell, Column};
use super::answers::Rows;
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
    Column::new("BY", 3).shrinkable(16),
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
    let mut rows = Rows::new(&list.table, COLUMNS);
    let mut answers = Vec::new();
    let (mut n_rows, mut after, mut left) = (0_usize, None, list.limit().unwrap_or(usize::MAX));
    let (first, has_more) = loop {
        let asked = query::AccessChanges {
            tenant: tenant.clone(),
            choice: choice.clone(),
            after,
            limit: left.max(1),
        };
        let answer = client.ask(asked).await?;
        for row in answer.rows.iter().take(left) {
            n_rows += 1;
            rows.row(row_of(row))?;
        }
        answers.extend(answer.answers);
        found.add(answer.rows.len() as u64);
        left -= answer.rows.len().min(left);
        after = answer.next;
        if after.is_none() || left == 0 {
            break (answer.first, after.is_some());
        }
    };
    let is_found = n_rows > 0 || answers.iter().any(|answer| !answer.spaces.is_empty());
    if let Some(space) = choice.space.as_ref().filter(|_| !is_found) {
        say(format_args!("No space is called `{space}`."));
        tell(&answers);
        return Ok(Exit::NotFound);
    }
    let told = answers.iter();
    let told = told.map(|answer| view::changes_answer(first, answer));
    let mut printer = rows.into_printer()?;
    printer.end_with(view::access_answers(told.collect()));
    let summary = format!("{}.", count(printer.n_rows(), "change"));
    let nothing = match answers.iter().all(|answer| answer.not_known.is_empty()) {
        true => "Nobody gained or lost a right.",
        false => "Nobody was found who gained or lost a right.",
    };
    printer.finish(nothing, &summary)?;
    if list.table.output.output != Format::Json {
        tell(&answers);
    }
    if has_more {
        say("There are more; `--limit` sets how many are shown.");
    }
    tell_begin(first, since);
    Ok(Exit::Success)
}

/// Says if the first event that is kept is later than the time that was asked about.
fn tell_begin(first: Option<Timestamp>, since: Option<Timestamp>) {
    if let (Some(first), Some(since)) = (first, since)
        && since < first
    {
        say(format_args!(
            "Events are kept since {first}; what changed before that is no longer known."
        ));
    }
}

/// Says what is not known, and since when changes in spaces are.
fn tell(answers: &[ChangesAnswer]) {
    for answer in answers {
        let tenant = &answer.tenant;
        for lacking in &answer.not_known {
            say(format_args!("`{tenant}`: {}", words::not_known(lacking)));
        }
        if let Some(since) = answer.spaces_since {
            say(format_args!(
                "Changes of rights in spaces of `{tenant}` are known since {since}."
            ));
        }
    }
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
        words::givers(&row.by).into(),
        row.seq.to_string().into(),
    ];
    Row {
        cells,
        json: view::access_change(row),
    }
}
