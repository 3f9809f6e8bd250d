//! `findings`: lists accounts that somebody should look at, each with why it matters.

use std::path::Path;

use serde_json::json;

use crate::control::{ConcernRow, Reply, Request, Severity};
use crate::daemon::Hooks;
use crate::model::unified::UnifiedId;
use crate::model::{Kind, TenantName, Thousands};

use super::Exit;
use super::args::{FindingsArgs, Format};
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
    Column::new("SEVERITY", 4),
];

pub(super) async fn run(config: Option<&Path>, args: FindingsArgs) -> anyhow::Result<Exit> {
    let is_choice = !args.code.is_empty() || args.min > Severity::Low;
    let FindingsArgs {
        code: codes,
        min,
        list: args,
    } = args;
    let config = super::load(config)?;
    let door = Door::open(&config, Hooks::none()).await?;
    let tenant = args.tenant.map(TenantName);
    let reply = door.ask(Request::Findings { tenant, codes, min }).await;
    door.close().await?;
    let n_unread;
    let (rows, counts) = match reply? {
        Reply::Findings {
            rows,
            counts,
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
            (rows, counts)
        }
        other => return super::unexpected(&other),
    };
    let format = args.table.output.output;
    let mut printer = Printer::new(&args.table, COLUMNS)?;
    for row in rows.iter().take(args.limit.unwrap_or(usize::MAX)) {
        printer.row(cells(row))?;
    }
    let n_all = usize::try_from(counts.values().sum::<u64>()).unwrap_or(usize::MAX);
    let summary = match printer.n_rows() {
        n if n < n_all => format!("{n} of {} shown.", count(n_all, "finding")),
        n => format!("{}.", count(n, "finding")),
    };
    let nothing = match (is_choice, n_unread) {
        (true, _) => "No such finding.",
        (false, 0) => "Nothing of concern was found.",
        (false, _) => "Nothing of concern was found in what was read.",
    };
    printer.finish(nothing, &summary)?;
    if format == Format::Table {
        for (code, n) in counts {
            say(format_args!(
                "{} {} ({}): {}.",
                Thousands(n),
                code.code(),
                code.severity().word(),
                code.why()
            ));
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
            concern.code.severity().word().into(),
        ],
        json: json!({
            "tenant": row.tenant,
            "code": concern.code.code(),
            "user_id": UnifiedId::of(Kind::User, &concern.user),
            "remote_user_id": concern.user,
            "name": concern.label,
            "detail": concern.detail,
            "severity": concern.code.severity(),
            "why": concern.code.why(),
        }),
    }
}
