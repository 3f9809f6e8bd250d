//! `access stale`: users who have not been seen for some time.

use crate::control::query::StaleWho;
use crate::control::{Idleness, StaleRow, query};
use crate::doing::counting;
use crate::model::{TenantName, Timestamp};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessStaleArgs, Format, ListArgs};
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{Tone, count};
use super::super::table::{Cell, Column};
use super::answers::{self, Rows};
use super::asking::{Known, all_tenants, say_of, time};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 3),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 2).shrinkable(24),
    Column::new("ID", 5),
    Column::new("ADMIN ROLES", 1).shrinkable(16),
    Column::new("LAST SESSION", 0),
    Column::new("IDLE", 4),
    Column::new("IDP GROUPS", 7).shrinkable(16),
    Column::new("LICENCE", 6).shrinkable(12),
];

pub(super) async fn run(client: &StoreClient, args: AccessStaleArgs) -> anyhow::Result<Exit> {
    let AccessStaleArgs {
        days,
        all,
        time: as_of,
        list,
    } = args;
    let question = Question {
        who: match all {
            true => StaleWho::All,
            false => StaleWho::Privileged,
        },
        at: time(as_of.as_of)?,
        days,
        columns: COLUMNS,
        row: row_of,
        nothing,
    };
    ask(client, &question, list).await
}

/// A question about users who have not been seen, and how its answer is printed.
pub(super) struct Question {
    pub(super) who: StaleWho,
    /// The time that is asked about; `None` means now.
    pub(super) at: Option<Timestamp>,
    pub(super) days: u32,
    pub(super) columns: &'static [Column],
    pub(super) row: fn(&TenantName, &StaleRow) -> Row,
    /// What is printed if there is no row.
    pub(super) nothing: fn(StaleWho, Known) -> &'static str,
}

/// Asks about the chosen tenant, or about each if none is chosen, and prints the answers.
pub(super) async fn ask(
    client: &StoreClient,
    question: &Question,
    list: ListArgs,
) -> anyhow::Result<Exit> {
    let mut rows = Rows::new(&list.table, question.columns);
    let mut left = list.limit().unwrap_or(usize::MAX);
    let mut told = Vec::new();
    let mut envelopes = Vec::new();
    let tenants = all_tenants(client, list.tenant.clone()).await?;
    for tenant in tenants.known {
        let (_doing, found) = counting("looking at users", "found");
        let mut n_rows = 0;
        let take = |row: &StaleRow| {
            n_rows += 1;
            rows.row((question.row)(&tenant, row))
        };
        let ask = |after, limit| query::StaleAccess {
            tenant: tenant.clone(),
            at: question.at,
            who: question.who,
            days: question.days,
            after,
            limit,
        };
        let envelope = answers::read(client, left, &found, ask, take)
            .await?
            .envelope;
        left -= n_rows.min(left);
        told.push(view::envelope(&envelope, Some(n_rows as u64)));
        envelopes.push(envelope);
    }
    told.extend(tenants.unread.iter().map(view::access_unread));
    let mut printer = rows.into_printer()?;
    printer.end_with(view::access_answers(told));
    let summary = format!("{}.", count(printer.n_rows(), "user"));
    let known = Known::of(&tenants.unread, envelopes.iter());
    printer.finish((question.nothing)(question.who, known), &summary)?;
    if list.table.output.output != Format::Json {
        envelopes.iter().for_each(say_of);
    }
    Ok(Exit::Success)
}

/// Returns what is printed if there is no row.
pub(super) fn nothing(who: StaleWho, known: Known) -> &'static str {
    match (who, known) {
        (StaleWho::Privileged, Known::All) => {
            "Each administrator who can log in was seen or created within that time, bots aside."
        }
        (StaleWho::All | StaleWho::Licensed, Known::All) => {
            "Each user who can log in was seen or created within that time, bots aside."
        }
        (StaleWho::Privileged, Known::Part) => "No administrator was found who might be idle.",
        (StaleWho::All | StaleWho::Licensed, Known::Part) => "No user was found who might be idle.",
    }
}

fn row_of(tenant: &TenantName, row: &StaleRow) -> Row {
    let StaleRow {
        user, admin_roles, ..
    } = row;
    let roles = admin_roles.iter().map(view::role_name);
    let roles = roles.collect::<Vec<_>>().join(", ");
    let groups = row.idp_groups.as_ref().map(|groups| {
        let names = groups.values().map(String::as_str);
        names.collect::<Vec<_>>().join(", ")
    });
    Row {
        cells: vec![
            tenant.to_string().into(),
            user.label.clone().into(),
            user.email.clone().into(),
            user.id.0.to_string().into(),
            Cell::from(roles).toned((!admin_roles.is_empty()).then_some(Tone::Bad)),
            last(row),
            idle(row),
            groups.unwrap_or("?".to_owned()).into(),
            licences(row).into(),
        ],
        json: view::stale(tenant, row),
    }
}

/// Returns the cell that says when the user was last seen.
pub(super) fn last(row: &StaleRow) -> Cell {
    match row.last.certain() {
        Some(at) => at.into(),
        None => row.last.in_words().into(),
    }
}

/// Returns the cell that says whether the user is idle.
pub(super) fn idle(row: &StaleRow) -> Cell {
    let (idle, tone) = match row.idleness {
        Idleness::Idle => ("yes", Some(Tone::Warn)),
        Idleness::NotKnown => ("not known", Some(Tone::Dim)),
        Idleness::Active => ("no", None),
    };
    Cell::from(idle).toned(tone)
}

/// Returns the types of the licences that are assigned to the user; `?` if they are not known.
pub(super) fn licences(row: &StaleRow) -> String {
    let Some(licences) = &row.licences else {
        return "?".to_owned();
    };
    let types = licences.iter().map(|it| it.sort.as_deref().unwrap_or("?"));
    types.collect::<Vec<_>>().join(", ")
}
