//! `users`, `roles` and `groups`: lists and shows records of the store.

use std::path::Path;

use serde_json::{Value, json};

use crate::control::{Choice, MAX_PAGE, RecordRow, query};
use crate::daemon::Hooks;
use crate::model::{Group, Kind, Record, Role, TenantName, User, UserStatus};
use crate::view;

use super::Exit;
use super::args::{Format, ListArgs, RecordsAsked, ShowArgs};
use super::error::CliError;
use super::holders::beyond;
use super::output::{Printer, Row, print_one};
use super::pages::Rest;
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::unknown::say_no_record;

pub(super) async fn run(
    config: Option<&Path>,
    kind: Kind,
    asked: RecordsAsked,
) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match asked {
        RecordsAsked::List(choice, args) => list(&client, kind, choice, args).await,
        RecordsAsked::Show(args) => find(&client, kind, args).await,
        RecordsAsked::Idle(args) => super::access::idle(&client, args).await,
    };
    client.close().await?;
    exit
}

async fn list(
    client: &StoreClient,
    kind: Kind,
    choice: Choice,
    args: ListArgs,
) -> anyhow::Result<Exit> {
    let limit = args.limit().unwrap_or(usize::MAX);
    let tenant = args.tenant.map(TenantName);
    for (kind, called) in [(Kind::Role, &choice.role), (Kind::Group, &choice.group)] {
        if let Some(called) = called
            && !is_there(client, kind, tenant.as_ref(), called).await?
        {
            return Ok(Exit::NotFound);
        }
    }
    let nothing = match choice.is_all() {
        true => format!(
            "No {} are known yet. `qlik-roster sync` reads them.",
            kind.plural()
        ),
        false => format!("No {kind} matches."),
    };
    let asked = |after, limit| query::Records {
        kind,
        tenant: tenant.clone(),
        choice: choice.clone(),
        after,
        limit,
    };
    let mut pages = client.pages(limit, asked).await?;
    let mut printer = Printer::new(&args.table, columns(kind))?;
    while let Some(page) = pages.next().await? {
        for row in page.rows {
            printer.row(row_of(&row))?;
        }
    }
    let summary = format!("{}.", count(printer.n_rows(), kind.singular()));
    printer.finish(&nothing, &summary)?;
    Ok(Exit::Success)
}

/// Returns whether a role or group of this name exists; if not, says so, with the name that was
/// probably meant.
async fn is_there(
    client: &StoreClient,
    kind: Kind,
    tenant: Option<&TenantName>,
    called: &str,
) -> anyhow::Result<bool> {
    let asked = |after, limit| query::Find {
        kind,
        tenant: tenant.cloned(),
        called: called.to_owned(),
        after,
        limit,
    };
    if !client.all(1, asked).await?.is_empty() {
        return Ok(true);
    }
    say_no_record(client, kind, tenant, called).await?;
    Ok(false)
}

/// Shows the records that have this name, each in full. If there are none, shows those whose
/// name contains it: one in full, several as a list.
async fn find(client: &StoreClient, kind: Kind, args: ShowArgs) -> anyhow::Result<Exit> {
    let ShowArgs {
        called,
        tenant,
        raw,
        given_by,
        output,
    } = args;
    let form = match raw {
        true => Form::Source,
        false => Form::Ours(output.output),
    };
    let shown = Shown {
        form,
        given_by: given_by.as_deref(),
    };
    let tenant = tenant.map(TenantName);
    let asked = |after, limit| query::Find {
        kind,
        tenant: tenant.clone(),
        called: called.clone(),
        after,
        limit,
    };
    let rows = client.all(usize::MAX, asked).await?;
    if !rows.is_empty() {
        for row in &rows {
            show(client, row, shown).await?;
        }
        return Ok(Exit::Success);
    }
    let (rows, rest) = containing(client, kind, tenant, &called).await?;
    match rows.as_slice() {
        [] => {
            let detail = format!("no {kind} is called `{called}`");
            return Err(CliError::NotThere(detail).into());
        }
        [row] => show(client, row, shown).await?,
        [..] if raw => {
            for row in &rows {
                show(client, row, shown).await?;
            }
        }
        [..] => {
            let mut printer = Printer::new(&output.output.into(), columns(kind))?;
            for row in &rows {
                printer.row(row_of(row))?;
            }
            let summary = format!(
                "{} with `{called}` in the name, e-mail or id.",
                count(rows.len(), kind.singular())
            );
            printer.finish("", &summary)?;
        }
    }
    if rest == Rest::More {
        say("There are more; a longer part of the name finds fewer.");
    }
    Ok(Exit::Success)
}

/// How a record is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the source sent it.
    Source,
    /// As we understand it.
    Ours(Format),
}

/// How a record is shown, and which of the groups that give a role are shown.
#[derive(Debug, Clone, Copy)]
struct Shown<'a> {
    form: Form,
    given_by: Option<&'a str>,
}

/// Finds the first records whose name, address or id contains a text.
async fn containing(
    client: &StoreClient,
    kind: Kind,
    tenant: Option<TenantName>,
    text: &str,
) -> anyhow::Result<(Vec<RecordRow>, Rest)> {
    let choice = Choice {
        text: Some(text.to_owned()),
        ..Choice::default()
    };
    let asked = |after, limit| query::Records {
        kind,
        tenant: tenant.clone(),
        choice: choice.clone(),
        after,
        limit,
    };
    // We ask for one more than we show, to see whether there are more.
    let mut found = client.all(MAX_PAGE + 1, asked).await?;
    let rest = match found.len() > MAX_PAGE {
        true => Rest::More,
        false => Rest::Nothing,
    };
    found.truncate(MAX_PAGE);
    Ok((found, rest))
}

fn row_of(row: &RecordRow) -> Row {
    Row {
        cells: cells(row),
        json: view::record(row),
    }
}

async fn show(client: &StoreClient, row: &RecordRow, shown: Shown<'_>) -> anyhow::Result<()> {
    let format = match shown.form {
        Form::Source => {
            let source: Value = serde_json::from_str(&row.raw)?;
            return print_one(Format::Json, &[], &source);
        }
        Form::Ours(format) => format,
    };
    let columns = columns(row.record.kind()).iter().map(|column| column.name);
    let mut lines: Vec<_> = columns.zip(cells(row)).collect();
    lines.push(("VERSION", row.version.to_string().into()));
    let beyond = beyond(client, row, shown.given_by).await?;
    lines.extend(beyond.lines);
    print_one(format, &lines, &beyond.json)?;
    if let Some(hint) = beyond.hint.filter(|_| format == Format::Table) {
        say(hint);
    }
    Ok(())
}

const USER_COLUMNS: &[Column] = &[
    Column::new("TENANT", 3),
    Column::new("ID", 5),
    Column::new("NAME", 0).shrinkable(16),
    // An address that is cut off cannot be copied.
    Column::new("EMAIL", 1).shrinkable(32),
    Column::new("SUBJECT", 6).shrinkable(16),
    Column::new("STATUS", 2),
    Column::new("ROLES", 1).shrinkable(16),
    Column::new("GROUPS", 4).shrinkable(14),
];

const GROUP_COLUMNS: &[Column] = &[
    Column::new("TENANT", 1),
    Column::new("ID", 3),
    Column::new("NAME", 0).shrinkable(20),
    Column::new("TYPE", 4),
    Column::new("ROLES", 1).shrinkable(16),
    Column::new("CREATED", 2),
];

const ROLE_COLUMNS: &[Column] = &[
    Column::new("TENANT", 1),
    Column::new("ID", 3),
    Column::new("NAME", 0).shrinkable(20),
    Column::new("TYPE", 2),
    Column::new("ORIGIN", 4).shrinkable(14),
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
    let is_administrator = roles.contains(Role::TENANT_ADMIN);
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

/// Writes a question mark for what we cannot see, which is not the same as nothing.
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
