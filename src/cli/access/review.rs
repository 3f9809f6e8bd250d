//! `access review`: writes the evidence of who had which roles at a time, as CSV and as a page.
//!
//! Rows are written as their pages come, so that a tenant of any size takes little memory. The
//! files get their names when all of them are complete.

mod evidence;
mod files;
mod html;
mod table;

use std::io::{Seek, Write};

use crate::clock::Clock;
use crate::control::{AccessRow, ReviewPage, query};
use crate::doing::counting;
use crate::model::{Called, Id, Kind, LastSession, TenantName, Timestamp};

use super::super::args::AccessReviewArgs;
use super::super::error::CliError;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::unknown::say_no_record;
use super::super::{Exit, actor, output};
use super::asking::{is_not_covered, take_in, tenants, time};
use super::words;
use evidence::Evidence;
use files::{Draft, Folder};

pub(super) async fn run(client: &StoreClient, args: AccessReviewArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let tenant = TenantName(args.tenant.clone());
    if tenants(client, Some(args.tenant)).await?.is_empty() {
        return Err(never_read(&tenant).into());
    }
    let asked = query::AccessReview {
        tenant: tenant.clone(),
        roles: args.role.clone(),
        at,
        after: None,
        limit: crate::control::MAX_PAGE,
    };
    let first = match client.ask(asked.clone()).await {
        Ok(first) => first,
        Err(failure) if at.is_none() && is_not_covered(&failure) => {
            return Err(never_read(&tenant).into());
        }
        Err(failure) => return Err(failure),
    };
    for role in &args.role {
        let known = &first.page.envelope.asked;
        if !known.iter().any(|mention| mention.is_called(role)) {
            say_no_record(client, Kind::Role, None, role).await?;
            return Ok(Exit::NotFound);
        }
    }
    let folder = Folder::open(&args.out)?;
    let as_of = first.page.envelope.as_of;
    let names = files::Names::of(&tenant, as_of);
    folder.is_free(&names)?;

    let mut csv = folder.draft()?;
    // The page says what only the end of the table shows, so its rows wait in a file of their own.
    let mut rows = folder.draft()?;
    table::header(&mut csv)?;
    let mut evidence = Evidence::begin(args.role, &first, actor::own().name, Clock::system().now());
    write_rows(client, asked, first, &mut evidence, (&mut csv, &mut rows)).await?;
    let csv = csv.end()?;
    let mut page = folder.draft()?;
    html::head(&mut page, &evidence, &names.csv, csv.sha256())?;
    rows.rewind()?;
    std::io::copy(&mut rows, &mut page)?;
    html::foot(&mut page, &evidence)?;
    let page = page.end()?;
    let written = folder.keep(&names, csv, page)?;
    tell(&evidence, &written)
}

/// Writes the rows of all pages, and counts them.
async fn write_rows(
    client: &StoreClient,
    asked: query::AccessReview,
    first: ReviewPage,
    evidence: &mut Evidence,
    (csv, rows): (&mut Draft, &mut Draft),
) -> anyhow::Result<()> {
    let (_doing, found) = counting("writing the evidence", "rows");
    let as_of = first.page.envelope.as_of;
    let mut answer = first;
    loop {
        let ReviewPage {
            page,
            n_unseen,
            last_sessions,
            population: _,
        } = answer;
        let mut last: Option<&AccessRow> = None;
        for row in &page.rows {
            let seen = last_sessions.get(&row.user.id).copied();
            let seen = seen.unwrap_or(LastSession::unknown(as_of));
            table::row(csv, (&evidence.envelope.tenant, as_of), row, seen)?;
            html::row(rows, row, seen)?;
            evidence.n_rows += 1;
            // All rows of a user are on one page.
            let is_next = last.is_none_or(|last| last.user.id != row.user.id);
            evidence.n_users += u64::from(is_next);
            last = Some(row);
        }
        evidence.n_unseen += n_unseen;
        found.add(page.rows.len() as u64);
        take_in(&mut evidence.envelope, page.envelope.not_known);
        let Some(after) = page.next else {
            return Ok(());
        };
        answer = client.ask(next(&asked, as_of, after)).await?;
    }
}

/// Returns the question for a further page. The first page has settled the time.
fn next(asked: &query::AccessReview, as_of: Timestamp, after: Id) -> query::AccessReview {
    query::AccessReview {
        at: Some(as_of),
        after: Some(after),
        ..asked.clone()
    }
}

fn never_read(tenant: &TenantName) -> CliError {
    CliError::Impossible(format!(
        "`{tenant}` was never read in full, so there is no evidence of who holds what; \
         `qlik-roster runs --tenant {tenant}` says why"
    ))
}

/// Says what was written, and what it does not know.
fn tell(evidence: &Evidence, written: &[std::path::PathBuf]) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    for path in written {
        writeln!(out, "{}", path.display())?;
    }
    out.flush()?;
    let n = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    say(format_args!(
        "{} of {}, as of {}.",
        count(n(evidence.n_rows), "row"),
        count(n(evidence.n_users), "user"),
        evidence.envelope.as_of
    ));
    let envelope = &evidence.envelope;
    for lacking in &envelope.not_known {
        let lacking = words::not_known(lacking);
        say(format_args!("`{}`: {lacking}", envelope.tenant));
    }
    Ok(match envelope.is_complete() {
        true => Exit::Success,
        false => Exit::Partial,
    })
}
