//! `access stale`: users who have not been seen for some time.

use crate::control::query::StaleWho;
use crate::control::{Idleness, StaleRow, query};
use crate::doing::counting;
use crate::model::TenantName;
use crate::view;

use super::super::Exit;
use super::super::args::{AccessStaleArgs, Format};
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{Tone, count};
use super::super::table::{Cell, Column};
use super::answers::{self, Rows};
use super::asking::{Known, all_tenants, say_of};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 3),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 2).shrinkable(24),
    Column::new("ID", 5),
    Column::new("ADMIN ROLES", 1).shrinkable(16),
    Column::new("LAST SESSION", 0),
    Column::new("IDLE", 4),
];

pub(super) async fn run(client: &StoreClient, args: AccessStaleArgs) -> anyhow::Result<Exit> {
    let AccessStaleArgs { days, all, list } = args;
    let who = match all {
        true => StaleWho::All,
        false => StaleWho::Privileged,
    };
    let mut rows = Rows::new(&list.table, COLUMNS);
    let mut left = list.limit().unwrap_or(usize::MAX);
    let mut told = Vec::new();
    let mut envelopes = Vec::new();
    let tenants = all_tenants(client, list.tenant.clone()).await?;
    for tenant in tenants.known {
        let (_doing, found) = counting("looking at users", "found");
        let mut n_rows = 0;
        let take = |row: &StaleRow| {
            n_rows += 1;
            rows.row(row_of(&tenant, row))
        };
        let ask = |after, limit| query::StaleAccess {
            tenant: tenant.clone(),
            who,
            days,
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
    printer.finish(nothing(who, known), &summary)?;
    if list.table.output.output != Format::Json {
        envelopes.iter().for_each(say_of);
    }
    Ok(Exit::Success)
}

/// Returns what is printed if there is no row.
fn nothing(who: StaleWho, known: Known) -> &'static str {
    match (who, known) {
        (StaleWho::Privileged, Known::All) => {
            "Each administrator who can log in was seen or created within that time, bots aside."
        }
        (StaleWho::All, Known::All) => {
            "Each user who can log in was seen or created within that time, bots aside."
        }
        (StaleWho::Privileged, Known::Part) => "No administrator was found who might be idle.",
        (StaleWho::All, Known::Part) => "No user was found who might be idle.",
    }
}

fn row_of(tenant: &TenantName, row: &StaleRow) -> Row {
    let StaleRow {
        user,
        admin_roles,
        last,
        idleness,
    } = row;
    let roles = admin_roles.iter().map(view::role_name);
    let roles = roles.collect::<Vec<_>>().join(", ");
    let (idle, tone) = match idleness {
        Idleness::Idle => ("yes", Some(Tone::Warn)),
        Idleness::NotKnown => ("not known", Some(Tone::Dim)),
        Idleness::Active => ("no", None),
    };
    let last = match last.certain() {
        Some(at) => at.into(),
        None => Cell::from(last.in_words()),
    };
    Row {
        cells: vec![
            tenant.to_string().into(),
            user.label.clone().into(),
            user.email.clone().into(),
            user.id.0.to_string().into(),
            Cell::from(roles).toned((!admin_roles.is_empty()).then_some(Tone::Bad)),
            last,
            Cell::from(idle).toned(tone),
        ],
        json: view::stale(tenant, row),
    }
}
