//! `plan show`: a plan's summary, then its removals.

use std::io::{self, IsTerminal, Write};

use crate::control::{ControlError, Moved, PlanRow, PlanSummary, RemovalChoice, RemovalRow, query};
use crate::model::{PlanId, Proof, RecordRef, Taken};
use crate::view;

use super::super::Exit;
use super::super::args::{Format, PlanShowArgs};
use super::super::error::CliError;
use super::super::output::{self, Printer, Row};
use super::super::pages::{Paged, Whole};
use super::super::store_client::StoreClient;
use super::super::style::{Colour, say};
use super::super::table::Column;
use super::head::Head;
use super::lines::{Extent, Lines, SHORT};

const COLUMNS: &[Column] = &[
    Column::new("KIND", 1),
    Column::new("ID", 2),
    Column::new("NAME", 0).shrinkable(16),
    Column::new("LOSES", 0).shrinkable(24),
];

fn nothing(choice: &RemovalChoice) -> &'static str {
    match choice.is_all() {
        true => "The plan no longer lists any removals.",
        false => "No removal of the plan matches.",
    }
}

pub(super) async fn show(client: &StoreClient, args: PlanShowArgs) -> anyhow::Result<Exit> {
    let id: PlanId = args.plan.parse().map_err(CliError::usage)?;
    let row = client.ask(query::Plan { id }).await?;
    let choice = RemovalChoice {
        kind: args.kind,
        name: args.name.clone(),
    };
    // We ask for all moved records: any of them may grant something that is shown.
    let ask = |after, limit| query::PlanSummary {
        id,
        choice: RemovalChoice::default(),
        after,
        limit,
    };
    let (summary, _) = client.whole(usize::MAX, ask, |_| Ok(())).await?;
    let (Some(row), Some(summary)) = (row, summary) else {
        return Err(ControlError::UnknownPlan { plan: id }.into());
    };
    match args.table.output.output {
        Format::Table => {
            let is_cut = io::stdout().is_terminal() && !args.all && row.plan.entries > SHORT;
            let extent = match is_cut {
                true => Extent::Shortened,
                false => Extent::Whole,
            };
            write(client, &row, (&summary, &choice), extent).await?;
        }
        Format::Json => {
            let printer = Printer::within(&view::plan_frame(&row, &summary, &choice))?;
            print(client, (&row, &choice), &summary.moved, printer).await?;
        }
        Format::Jsonl | Format::Csv => {
            let printer = Printer::new(&args.table, COLUMNS)?;
            print(client, (&row, &choice), &summary.moved, printer).await?;
        }
    }
    Ok(Exit::Success)
}

/// `None` if the plan does not exist.
impl Paged for Option<PlanSummary> {
    type Position = RecordRef;

    fn n_rows(&self) -> usize {
        self.as_ref().map_or(0, |summary| summary.moved.len())
    }

    fn take_next(&mut self) -> Option<RecordRef> {
        self.as_mut()?.next.take()
    }
}

impl Whole for Option<PlanSummary> {
    fn add(&mut self, page: Self) {
        if let (Some(all), Some(page)) = (self, page) {
            all.moved.extend(page.moved);
            all.moved_left_out = page.moved_left_out;
        }
    }
}

/// Writes the plan as text for people.
async fn write(
    client: &StoreClient,
    row: &PlanRow,
    (summary, choice): (&PlanSummary, &RemovalChoice),
    extent: Extent,
) -> anyhow::Result<()> {
    let mut lines = Lines::new(extent, &summary.moved);
    let asked = removals(row.plan.id, choice);
    let mut pages = client.pages(usize::MAX, asked).await?;
    let mut n_rows = 0;
    while let Some(page) = pages.next().await? {
        n_rows += page.rows.len();
        for row in &page.rows {
            lines.add(row);
        }
    }
    let colour = Colour::of(&io::stdout());
    let mut out = output::stdout();
    let head = Head {
        row,
        summary,
        choice,
        colour,
    };
    write!(out, "{head}")?;
    if n_rows == 0 {
        writeln!(out, "\n{}", nothing(choice))?;
    }
    let shown = lines.write(&mut out, colour)?;
    out.flush()?;
    drop(out);
    if shown == Extent::Shortened {
        say("");
        say("Not every line is shown; `--all` shows them, `--output json` says more about each.");
    }
    say("");
    say(super::row::what_to_do(row));
    Ok(())
}

/// Prints the removals for programs.
async fn print(
    client: &StoreClient,
    (row, choice): (&PlanRow, &RemovalChoice),
    moved: &[Moved],
    mut printer: Printer,
) -> anyhow::Result<()> {
    let asked = removals(row.plan.id, choice);
    let mut pages = client.pages(usize::MAX, asked).await?;
    while let Some(page) = pages.next().await? {
        for row in &page.rows {
            printer.row(row_of(row, moved))?;
        }
    }
    printer.finish(nothing(choice), "")
}

/// Makes the questions for the removals of a plan.
fn removals(
    id: PlanId,
    choice: &RemovalChoice,
) -> impl Fn(Option<RecordRef>, usize) -> query::Removals {
    move |after, limit| query::Removals {
        id,
        choice: choice.clone(),
        after,
        limit,
    }
}

fn row_of(row: &RemovalRow, moved: &[Moved]) -> Row {
    let removal = &row.removal;
    let kind = removal.record.kind;
    let id = &removal.record.id;
    let what = match &removal.what {
        Taken::Record { proof } => match (view::successor(moved, id), proof) {
            (Some(to), _) => format!("all: it has moved to {to}"),
            (None, Proof::Confirmed) => "all: it is gone".to_owned(),
            (None, Proof::NotYetAsked) => {
                "all: missing; asked for once more before it is removed".to_owned()
            }
        },
        Taken::Access { roles, groups } => {
            let mut parts = Vec::new();
            let roles: Vec<&str> = roles.values().map(String::as_str).collect();
            let groups: Vec<&str> = groups.values().map(String::as_str).collect();
            for (word, lost) in [("roles", roles), ("groups", groups)] {
                if !lost.is_empty() {
                    parts.push(format!("{word}: {}", lost.join(", ")));
                }
            }
            parts.join("; ")
        }
    };
    Row {
        cells: vec![
            kind.to_string().into(),
            id.to_string().into(),
            removal.label.clone().into(),
            what.into(),
        ],
        json: view::removal(row, moved),
    }
}
