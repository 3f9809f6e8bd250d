//! `plan show`: what a plan comes to, then its entries.

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};

use crate::control::{
    ControlError, MAX_PAGE, Moved, Page, PlanRow, PlanSummary, RemovalRow, Top, TopRow, query,
};
use crate::model::unified::UnifiedId;
use crate::model::{Id, PlanId, Proof, RecordRef, Taken};

use super::super::Exit;
use super::super::args::{Format, PlanShowArgs};
use super::super::error::CliError;
use super::super::output::{self, Printer, Row};
use super::super::store_client::StoreClient;
use super::super::style::{Colour, say};
use super::super::table::Column;
use super::head::Head;
use super::lines::{Extent, Lines, SHORT};

const COLUMNS: &[Column] = &[
    Column::new("KIND", 1),
    Column::new("ID", 2),
    Column::new("NAME", 0).cut(16),
    Column::new("LOSES", 0).cut(24),
];

const NOTHING: &str = "The plan has no entries any more.";

pub(super) async fn show(client: &StoreClient, args: PlanShowArgs) -> anyhow::Result<Exit> {
    let id: PlanId = args.plan.parse().map_err(CliError::usage)?;
    let row = client.ask(query::Plan { id }).await?;
    let summary = client.ask(query::PlanSummary { id }).await?;
    let (Some(row), Some(summary)) = (row, summary) else {
        return Err(ControlError::UnknownPlan { plan: id }.into());
    };
    match args.table.output.output {
        Format::Table => {
            let is_cut = io::stdout().is_terminal() && !args.all && row.plan.entries > SHORT;
            let extent = match is_cut {
                true => Extent::Cut,
                false => Extent::Whole,
            };
            write(client, &row, &summary, extent).await?;
        }
        Format::Json => {
            let head = Map::from_iter([
                ("plan".to_owned(), super::row::cells(&row).json),
                ("summary".to_owned(), outside(&summary)),
            ]);
            let printer = Printer::within(&head, "entries")?;
            print(client, &row, &summary, printer).await?;
        }
        Format::Jsonl | Format::Csv => {
            let printer = Printer::new(&args.table, COLUMNS)?;
            print(client, &row, &summary, printer).await?;
        }
    }
    Ok(Exit::Success)
}

/// Writes the plan for people.
async fn write(
    client: &StoreClient,
    row: &PlanRow,
    summary: &PlanSummary,
    extent: Extent,
) -> anyhow::Result<()> {
    let mut lines = Lines::new(extent, &summary.moved);
    let mut pages = Pages::of(row.plan.id);
    while let Some(page) = pages.next(client).await? {
        for row in &page {
            lines.add(row);
        }
    }
    let colour = Colour::of(&io::stdout());
    let mut out = output::stdout();
    let head = Head {
        row,
        summary,
        colour,
    };
    write!(out, "{head}")?;
    if pages.n_rows == 0 {
        writeln!(out, "\n{NOTHING}")?;
    }
    let shown = lines.write(&mut out, colour)?;
    out.flush()?;
    drop(out);
    if shown == Extent::Cut {
        say("");
        say("Not every line is shown; `--all` shows them, `--output json` tells more of each.");
    }
    say("");
    say(super::row::what_to_do(row));
    Ok(())
}

/// Prints the entries for programs.
async fn print(
    client: &StoreClient,
    row: &PlanRow,
    summary: &PlanSummary,
    mut printer: Printer,
) -> anyhow::Result<()> {
    let mut pages = Pages::of(row.plan.id);
    while let Some(page) = pages.next(client).await? {
        for row in &page {
            printer.row(entry(row, &summary.moved))?;
        }
    }
    printer.finish(NOTHING, "")
}

/// The entries of a plan, page by page.
struct Pages {
    id: PlanId,
    after: Option<RecordRef>,
    is_over: bool,
    n_rows: usize,
}

impl Pages {
    fn of(id: PlanId) -> Self {
        Self {
            id,
            after: None,
            is_over: false,
            n_rows: 0,
        }
    }

    async fn next(&mut self, client: &StoreClient) -> anyhow::Result<Option<Vec<RemovalRow>>> {
        if self.is_over {
            return Ok(None);
        }
        let asked = query::Removals {
            id: self.id,
            after: self.after.take(),
            limit: MAX_PAGE,
        };
        let Page { rows, next } = client.ask(asked).await?;
        self.is_over = next.is_none();
        self.after = next;
        self.n_rows += rows.len();
        Ok(Some(rows))
    }
}

/// A summary as `docs/cli.md` describes it.
fn outside(summary: &PlanSummary) -> Value {
    let PlanSummary {
        counts,
        not_yet_asked,
        administrators,
        by_domain,
        by_status,
        by_group,
        by_role,
        moved,
        moved_left_out,
    } = summary;
    let counts = counts
        .iter()
        .map(|(loss, count)| (loss.word().to_owned(), json!(count)));
    let top = |top: &Top| {
        let rows = top.rows.iter().map(|TopRow { id, name, count }| match id {
            Some(id) => json!({
                "remote_id": id,
                "name": name,
                "count": count,
                "moved_to": successor(moved, id),
            }),
            None => json!({ "name": name, "count": count }),
        });
        json!({
            "top": rows.collect::<Vec<_>>(),
            "others": top.others,
            "others_count": top.others_count,
        })
    };
    let moves = moved.iter().map(|moved| {
        json!({
            "kind": moved.kind.singular(),
            "name": moved.name,
            "remote_id": moved.from,
            "moved_to": moved.to,
            "came_along": moved.came_along,
            "left_behind": moved.left_behind,
        })
    });
    json!({
        "counts": counts.collect::<Map<_, _>>(),
        "not_yet_asked": not_yet_asked,
        "administrators": {
            "gone": administrators.gone,
            "demoted": administrators.demoted,
            "groups": administrators.groups,
        },
        "by_domain": top(by_domain),
        "by_status": top(by_status),
        "by_group": top(by_group),
        "by_role": top(by_role),
        "moved": moves.collect::<Vec<_>>(),
        "moved_left_out": moved_left_out,
    })
}

fn successor<'a>(moved: &'a [Moved], id: &Id) -> Option<&'a Id> {
    let found = moved.iter().find(|moved| moved.from == *id);
    found.map(|moved| &moved.to)
}

fn entry(row: &RemovalRow, moved: &[Moved]) -> Row {
    let RemovalRow { removal, person } = row;
    let kind = removal.record.kind;
    let id = &removal.record.id;
    let (what, json) = match &removal.what {
        Taken::Record { proof } => {
            let moved_to = successor(moved, id);
            let (text, word) = match proof {
                Proof::Confirmed => ("all: it is gone", "confirmed"),
                Proof::NotYetAsked => ("all: missing, asked for before it goes", "not_yet_asked"),
            };
            let text = match moved_to {
                Some(to) => format!("all: it has moved to {to}"),
                None => text.to_owned(),
            };
            let json = json!({ "deleted": true, "proof": word, "moved_to": moved_to });
            (text, json)
        }
        Taken::Access { roles, groups } => {
            let roles: Vec<_> = roles.iter().map(|(id, name)| (&id.0, name)).collect();
            let groups: Vec<_> = groups.iter().map(|(id, name)| (&id.0, name)).collect();
            let mut parts = Vec::new();
            for (word, lost) in [("roles", &roles), ("groups", &groups)] {
                let names: Vec<&str> = lost.iter().map(|(_, name)| name.as_str()).collect();
                if !names.is_empty() {
                    parts.push(format!("{word}: {}", names.join(", ")));
                }
            }
            let list = |lost: Vec<(&Id, &String)>| -> Vec<Value> {
                let lost = lost.into_iter();
                lost.map(|(id, name)| {
                    json!({ "remote_id": id, "name": name, "moved_to": successor(moved, id) })
                })
                .collect()
            };
            let json = json!({ "deleted": false, "roles": list(roles), "groups": list(groups) });
            (parts.join("; "), json)
        }
    };
    let mut json = json;
    if let Some(fields) = json.as_object_mut() {
        let mut put = |name: &str, value| drop(fields.insert(name.to_owned(), value));
        put("kind", json!(kind.singular()));
        put("id", json!(UnifiedId::of(kind, id)));
        put("remote_id", json!(id));
        put("name", json!(removal.label));
        if let Some(person) = person {
            put("email_domain", json!(person.domain));
            put("status", json!(person.status));
            put("administers", json!(person.administers));
        }
    }
    Row {
        cells: vec![
            kind.to_string().into(),
            id.to_string().into(),
            removal.label.clone().into(),
            what.into(),
        ],
        json,
    }
}
