//! `findings`: lists accounts that somebody should look at, each with why it matters.

use std::path::Path;

use serde_json::json;

use crate::control::{ConcernRow, Reply, Request};
use crate::daemon::Hooks;
use crate::model::unified::UnifiedId;
use crate::model::{Kind, TenantName};

use super::Exit;
use super::args::{Format, ListArgs};
use super::door::Door;
use super::output::{Printer, Row};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 1),
    Column::new("FINDING", 0),
    Column::new("USER", 3),
    Column::new("NAME", 0).cut(16),
    Column::new("DETAIL", 2).cut(24),
];

pub(super) async fn run(config: Option<&Path>, args: ListArgs) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let tenant = args.tenant.map(TenantName);
    let reply = door.ask(Request::Findings { tenant }).await;
    door.close().await?;
    let n_unread;
    let rows = match reply? {
        Reply::Findings {
            rows,
            left_out,
            unread,
        } => {
            for row in &unread {
                say(format_args!(
                    "Nothing is known of `{}`, which was never read: {}.",
                    row.name,
                    row.why.as_deref().unwrap_or("no run of it has ended")
                ));
            }
            n_unread = unread.len();
            if left_out > 0 {
                say(format_args!("{left_out} more are not shown."));
            }
            rows
        }
        other => return super::unexpected(&other),
    };
    let format = args.table.output.output;
    let mut codes: Vec<_> = rows.iter().map(|row| row.concern.code).collect();
    codes.sort();
    codes.dedup();
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    for row in rows.iter().take(args.limit.unwrap_or(usize::MAX)) {
        printer.row(cells(row))?;
    }
    let summary = format!("{}.", count(printer.n_rows(), "finding"));
    let nothing = match n_unread {
        0 => "Nothing of concern was found.",
        _ => "Nothing of concern was found in what was read.",
    };
    printer.finish(nothing, &summary)?;
    if format == Format::Table {
        for code in codes {
            say(format_args!("{}: {}.", code.code(), code.why()));
        }
    }
    Ok(match n_unread {
        0 => Exit::Success,
        _ => Exit::Partial,
    })
}

fn cells(row: &ConcernRow) -> Row {
    let concern = &row.concern;
    Row {
        cells: vec![
            row.tenant.to_string().into(),
            Cell::from(concern.code.code()).toned(Some(Tone::Warn)),
            concern.user.to_string().into(),
            concern.label.clone().into(),
            concern.detail.clone().into(),
        ],
        json: json!({
            "tenant": row.tenant,
            "code": concern.code.code(),
            "user_id": UnifiedId::of(Kind::User, &concern.user),
            "remote_user_id": concern.user,
            "name": concern.label,
            "detail": concern.detail,
            "why": concern.code.why(),
        }),
    }
}
