//! `access review`: writes the evidence of who had which rights at a time, as CSV and as HTML.
//!
//! Rows are written as their pages come, so that a tenant of any size takes little memory. The
//! files get their names when all of them are complete.

mod evidence;
mod html;
mod names;
mod rows;
mod table;

use std::io::{Seek, Write};

use crate::clock::Clock;
use crate::control::query::{self, Which};
use crate::control::{ReviewPage, SpaceRightsPage};
use crate::doing::counting;
use crate::model::{Called, Kind, TenantName};

use super::super::args::AccessReviewArgs;
use super::super::error::CliError;
use super::super::files::{Draft, Folder};
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::unknown::say_no_record;
use super::super::{Exit, actor, output};
use super::asking::{is_not_covered, tenants, time};
use super::{asking, words};
use evidence::{Chosen, Evidence};
use names::Names;
use rows::Rows;

pub(super) async fn run(client: &StoreClient, args: AccessReviewArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let tenant = TenantName(args.tenant.clone());
    if tenants(client, Some(args.tenant.clone())).await?.is_empty() {
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
    let as_of = first.page.envelope.as_of;
    let asked_spaces = query::SpaceRights {
        tenant: tenant.clone(),
        space: args.space.clone(),
        roles: args.role.clone(),
        which: Which::Own,
        at: Some(as_of),
        after: None,
        limit: crate::control::MAX_PAGE,
    };
    let first_spaces = client.ask(asked_spaces.clone()).await?;
    if !are_known(client, &args, &first, &first_spaces).await? {
        return Ok(Exit::NotFound);
    }
    let folder = Folder::open(&args.out)?;
    let names = Names::of(&tenant, as_of);
    folder.is_free(names.all())?;

    let mut csv = folder.draft()?;
    // The page says what only the end of the table shows, so its rows wait in a file of their own.
    let mut rows = folder.draft()?;
    table::header(&mut csv)?;
    let made = (actor::own().name, Clock::system().now());
    let chosen = Chosen {
        roles: args.role,
        space: args.space,
    };
    let mut evidence = Evidence::begin(chosen, &first, &first_spaces, made);
    table::everybody(&mut csv, &evidence)?;
    let asked = query::AccessReview {
        at: Some(as_of),
        ..asked
    };
    // A review of one space leaves out the roles of the tenant.
    let first = (!evidence.is_of_space()).then_some(first);
    let roles = (asked, first);
    let spaces = (asked_spaces, first_spaces);
    let merged = Rows::begin(client, roles, spaces, &mut evidence);
    write_rows(merged, &mut evidence, (&mut csv, &mut rows)).await?;
    let csv = csv.end()?;
    let mut page = folder.draft()?;
    html::head(&mut page, &evidence, &names.csv, csv.sha256())?;
    rows.rewind()?;
    std::io::copy(&mut rows, &mut page)?;
    html::foot(&mut page, &evidence)?;
    let page = page.end()?;
    let written = names.keep(&folder, csv, page)?;
    tell(&evidence, &written)
}

/// Returns whether the requested roles and space are known. If one is not, says which.
async fn are_known(
    client: &StoreClient,
    args: &AccessReviewArgs,
    roles: &ReviewPage,
    spaces: &SpaceRightsPage,
) -> anyhow::Result<bool> {
    if let Some(called) = args.space.as_ref().filter(|_| spaces.spaces.is_empty()) {
        say(format_args!("No space is called `{called}`."));
        asking::say_of(&spaces.page.envelope);
        return Ok(false);
    }
    for role in &args.role {
        let mut known = roles.page.envelope.asked.iter();
        let mut in_spaces = spaces.roles.iter();
        if !known.any(|mention| mention.is_called(role))
            && !in_spaces.any(|known| known.to_lowercase() == role.to_lowercase())
        {
            say_no_record(client, Kind::Role, None, role).await?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the rows of all pages, and counts them.
async fn write_rows(
    mut merged: Rows<'_>,
    evidence: &mut Evidence,
    (csv, rows): (&mut Draft, &mut Draft),
) -> anyhow::Result<()> {
    let (_doing, found) = counting("writing the evidence", "rows");
    let mut last = None;
    while let Some(row) = merged.next(evidence).await? {
        table::row(csv, evidence, &row)?;
        html::row(rows, &row)?;
        found.add(1);
        evidence.n_rows += 1;
        // All rows of a user are adjacent.
        let is_next = last.as_ref() != Some(&row.user.id);
        evidence.n_users += u64::from(is_next);
        last = Some(row.user.id);
    }
    Ok(())
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
    Ok(match envelope.has_all_that_is_read() {
        true => Exit::Success,
        false => Exit::Partial,
    })
}
