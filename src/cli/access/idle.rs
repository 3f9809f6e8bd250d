//! `users --idle`: users who have not been seen for some time, and whose licence could be freed.

use crate::control::StaleRow;
use crate::control::query::StaleWho;
use crate::model::TenantName;
use crate::view;

use super::super::Exit;
use super::super::args::IdleArgs;
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::Tone;
use super::super::table::{Cell, Column};
use super::asking::{Known, time};
use super::stale::{self, Question, idle, last, licences};
use super::words;

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 4),
    Column::new("USER", 0).shrinkable(16),
    Column::new("EMAIL", 3).shrinkable(24),
    Column::new("ID", 6),
    Column::new("LICENCE", 0).shrinkable(12),
    Column::new("ASSIGNED", 2),
    Column::new("LAST SESSION", 0),
    Column::new("IDLE", 1),
    Column::new("USABLE", 1),
    Column::new("ALSO IN", 5).shrinkable(12),
];

pub(super) async fn run(client: &StoreClient, args: IdleArgs) -> anyhow::Result<Exit> {
    let IdleArgs {
        days,
        licensed,
        as_of,
        list,
    } = args;
    let question = Question {
        who: match licensed {
            true => StaleWho::Licensed,
            false => StaleWho::All,
        },
        at: time(as_of)?,
        days,
        columns: COLUMNS,
        row: row_of,
        nothing,
    };
    stale::ask(client, &question, list).await
}

fn nothing(who: StaleWho, known: Known) -> &'static str {
    match (who, known) {
        (StaleWho::Licensed, Known::All) => {
            "Each user with a licence can log in, and was seen or created within that time."
        }
        (StaleWho::Licensed, Known::Part) => {
            "No user was found whose licence could be freed, but not all is known."
        }
        (StaleWho::All | StaleWho::Privileged, _) => stale::nothing(who, known),
    }
}

fn row_of(tenant: &TenantName, row: &StaleRow) -> Row {
    let user = &row.user;
    let assigned = row.licences.iter().flatten();
    let assigned = assigned.filter_map(|it| it.created_at).min();
    let also_in: Vec<&str> = row.also_in.iter().map(|name| name.0.as_str()).collect();
    let usable = Cell::from(words::usable(user));
    Row {
        cells: vec![
            tenant.to_string().into(),
            user.label.clone().into(),
            user.email.clone().into(),
            user.id.0.to_string().into(),
            licences(row).into(),
            assigned.into(),
            last(row),
            idle(row),
            usable.toned(user.barrier.map(|_| Tone::Dim)),
            also_in.join(", ").into(),
        ],
        json: view::stale(tenant, row),
    }
}
