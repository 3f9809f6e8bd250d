//! `users`, `roles` and `groups`: lists and shows records of the store.

use std::path::Path;

use serde_json::{Value, json};

use crate::control::{MAX_PAGE, Place, RecordRow, Reply, Request};
use crate::daemon::Hooks;
use crate::model::{Group, Kind, Record, Role, TenantName, User, UserStatus, unified};

use super::Exit;
use super::args::{Format, ListArgs, RecordsAction, RecordsArgs};
use super::door::Door;
use super::output::{Printer, Row, print_one};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

/// The role that may do everything in a tenant.
const ADMINISTRATOR: &str = "TenantAdmin";

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
            none => none.insert(Printer::new(&args.table, columns(kind))?),
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
        let nothing = format!(
            "No {} are known yet. `qlik-roster sync` reads them.",
            kind.plural()
        );
        let summary = format!("{}.", count(printer.n_rows(), kind.singular()));
        printer.finish(&nothing, &summary)?;
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
        return print_one(Format::Json, &[], &source);
    }
    let columns = columns(row.record.kind()).iter().map(|column| column.name);
    let mut lines: Vec<_> = columns.zip(cells(row)).collect();
    lines.push(("VERSION", row.version.to_string().into()));
    print_one(format, &lines, &outside(row))
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

const USER_COLUMNS: &[Column] = &[
    Column::new("TENANT", 2),
    Column::new("ID", 5),
    Column::new("NAME", 0).cut(16),
    Column::new("EMAIL", 1).cut(20),
    Column::new("SUBJECT", 6).cut(16),
    Column::new("STATUS", 3),
    Column::new("ROLES", 1).cut(16),
    Column::new("GROUPS", 4).cut(14),
];

const GROUP_COLUMNS: &[Column] = &[
    Column::new("TENANT", 1),
    Column::new("ID", 3),
    Column::new("NAME", 0).cut(20),
    Column::new("TYPE", 4),
    Column::new("ROLES", 1).cut(16),
    Column::new("CREATED", 2),
];

const ROLE_COLUMNS: &[Column] = &[
    Column::new("TENANT", 1),
    Column::new("ID", 3),
    Column::new("NAME", 0).cut(20),
    Column::new("TYPE", 2),
    Column::new("ORIGIN", 4).cut(14),
    Column::new("CREATED", 3),
];

fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::User => USER_COLUMNS,
        Kind::Group => GROUP_COLUMNS,
        Kind::Role => ROLE_COLUMNS,
    }
}

fn cells(row: &RecordRow) -> Vec<Cell> {
    let id = row.record.id().to_string();
    let mut cells = vec![row.tenant.to_string().into(), id.into()];
    match &row.record {
        Record::User(user) => cells.extend(user_cells(user)),
        Record::Group(group) => cells.extend(group_cells(group)),
        Record::Role(role) => cells.extend(role_cells(role)),
    }
    cells
}

fn user_cells(user: &User) -> [Cell; 6] {
    let roles = names(user.roles.as_ref().map(|roles| roles.values()));
    let is_administrator = roles.contains(ADMINISTRATOR);
    [
        user.name.clone().into(),
        user.email.clone().into(),
        user.subject.clone().into(),
        Cell::from(word(&user.status)).toned(match user.status.value {
            UserStatus::Enabled => None,
            _ => Some(Tone::Dim),
        }),
        Cell::from(roles).toned(is_administrator.then_some(Tone::Bad)),
        names(user.groups.as_ref().map(|groups| groups.values())).into(),
    ]
}

fn group_cells(group: &Group) -> [Cell; 4] {
    [
        group.name.clone().into(),
        group.group_type.source_value.clone().into(),
        names(group.roles.as_ref().map(|roles| roles.values())).into(),
        group.created_at.into(),
    ]
}

fn role_cells(role: &Role) -> [Cell; 4] {
    [
        role.name.clone().into(),
        word(&role.role_type).into(),
        role.origin.clone().into(),
        role.created_at.into(),
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
