//! `users`, `roles` and `groups`: lists and shows records of the store.

use std::path::Path;

use serde_json::{Value, json};

use crate::control::{MAX_PAGE, Place, RecordRow, Reply, Request};
use crate::daemon::Hooks;
use crate::model::{Group, Kind, Record, Role, TenantName, Timestamp, User, unified};

use super::Exit;
use super::args::{Format, ListArgs, RecordsAction, RecordsArgs};
use super::door::Door;
use super::output::{Printer, Row, print_one};
use super::style::say;

pub(super) async fn run(
    config: Option<&Path>,
    kind: Kind,
    args: RecordsArgs,
) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&door, kind, args.list).await,
        Some(RecordsAction::List(args)) => list(&door, kind, args).await,
        Some(RecordsAction::Show {
            called,
            tenant,
            raw,
            output,
        }) => {
            let tenant = tenant.map(TenantName);
            let rows = records(
                &door,
                Request::Find {
                    kind,
                    tenant,
                    called: called.clone(),
                },
            )
            .await?;
            if rows.is_empty() {
                say(format_args!("No {kind} is called `{called}`."));
            }
            for row in &rows {
                show(row, raw, output.output)?;
            }
            Ok(if rows.is_empty() {
                Exit::NotFound
            } else {
                Exit::Success
            })
        }
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, kind: Kind, args: ListArgs) -> anyhow::Result<Exit> {
    let tenant = args.tenant.map(TenantName);
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut after = None;
    let mut printer = None;
    while left > 0 {
        let limit = left.min(MAX_PAGE);
        let request = Request::Records {
            kind,
            tenant: tenant.clone(),
            after,
            limit,
        };
        let rows = records(door, request).await?;
        // Opened only now, so that a failure to ask leaves standard output empty.
        let printer = match &mut printer {
            Some(printer) => printer,
            none => none.insert(Printer::new(args.output.output, columns(kind))?),
        };
        let Some(last) = rows.last() else { break };
        after = Some(Place {
            tenant: last.tenant.clone(),
            id: last.record.id().clone(),
        });
        left -= rows.len();
        let n_rows = rows.len();
        for row in rows {
            printer.row(Row {
                cells: cells(&row),
                json: outside(&row),
            })?;
        }
        if n_rows < limit {
            break;
        }
    }
    if let Some(printer) = printer {
        printer.finish(&format!(
            "No {} are known yet. `qlik-roster sync` reads them.",
            kind.plural()
        ))?;
    }
    Ok(Exit::Success)
}

async fn records(door: &Door, request: Request) -> anyhow::Result<Vec<RecordRow>> {
    match door.ask(request).await? {
        Reply::Records(rows) => Ok(rows),
        other => super::unexpected(&other),
    }
}

fn show(row: &RecordRow, raw: bool, format: Format) -> anyhow::Result<()> {
    if raw {
        let source: Value = serde_json::from_str(&row.raw)?;
        return Ok(print_one(Format::Json, &[], &source)?);
    }
    let columns = columns(row.record.kind()).iter().copied();
    let mut lines: Vec<_> = columns.zip(cells(row)).collect();
    lines.push(("VERSION", row.version.to_string()));
    if let Record::User(user) = &row.record {
        lines.push(("EMAIL", user.email.clone().unwrap_or_default()));
    }
    Ok(print_one(format, &lines, &outside(row))?)
}

/// The record as the outside knows it: the unified schema, with its tenant.
fn outside(row: &RecordRow) -> Value {
    let mut json = unified::value(&row.record);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("tenant".to_owned(), json!(row.tenant));
        fields.insert("version".to_owned(), json!(row.version));
    }
    json
}

fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &[
            "TENANT", "ID", "NAME", "SUBJECT", "STATUS", "ROLES", "GROUPS",
        ],
        Kind::Group => &["TENANT", "ID", "NAME", "TYPE", "ROLES", "CREATED"],
        Kind::Role => &["TENANT", "ID", "NAME", "TYPE", "ORIGIN", "CREATED"],
    }
}

fn cells(row: &RecordRow) -> Vec<String> {
    let mut cells = vec![row.tenant.to_string(), row.record.id().to_string()];
    match &row.record {
        Record::User(user) => cells.extend(user_cells(user)),
        Record::Group(group) => cells.extend(group_cells(group)),
        Record::Role(role) => cells.extend(role_cells(role)),
    }
    cells
}

fn user_cells(user: &User) -> [String; 5] {
    [
        user.name.clone().unwrap_or_default(),
        user.subject.clone(),
        word(&user.status),
        names(user.roles.as_ref().map(|roles| roles.values())),
        names(user.groups.as_ref().map(|groups| groups.values())),
    ]
}

fn group_cells(group: &Group) -> [String; 4] {
    [
        group.name.clone(),
        group.group_type.source_value.clone().unwrap_or_default(),
        names(group.roles.as_ref().map(|roles| roles.values())),
        time(group.created_at),
    ]
}

fn role_cells(role: &Role) -> [String; 4] {
    [
        role.name.clone(),
        word(&role.role_type),
        role.origin.clone().unwrap_or_default(),
        time(role.created_at),
    ]
}

/// A question mark for what is not visible to us, which is not the same as nothing.
fn names<'a>(names: Option<impl Iterator<Item = &'a String>>) -> String {
    match names {
        None => "?".to_owned(),
        Some(names) => names.map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn word<E: serde::Serialize>(coded: &crate::model::Coded<E>) -> String {
    match json!(coded.value).as_str() {
        Some("unmapped_value") | None => coded.source_value.clone().unwrap_or_default(),
        Some(word) => word.to_owned(),
    }
}

fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}
