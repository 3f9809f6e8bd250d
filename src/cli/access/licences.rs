//! `access licences`: lists to whom licences are assigned, and orphan licences.

use serde_json::Value;

use crate::control::{
    LicenceChoice, LicenceRow, LicenceSince, LicencesPage, NotKnown, WhichLicences, query,
};
use crate::doing::counting;
use crate::model::{Allotment, LicenceHead, TenantName, Timestamp};
use crate::view;

use super::super::Exit;
use super::super::args::{AccessLicencesArgs, Format};
use super::super::output::Row;
use super::super::store_client::StoreClient;
use super::super::style::{count, say};
use super::super::table::{Cell, Column};
use super::answers::{self, Rows};
use super::asking::{say_of, tenants, time};

const COLUMNS: &[Column] = &[
    Column::new("TENANT", 2),
    Column::new("SUBJECT", 0).shrinkable(24),
    Column::new("TYPE", 0),
    Column::new("EXCESS", 3),
    Column::new("CREATED", 1),
    Column::new("SINCE", 4),
];

pub(super) async fn run(client: &StoreClient, args: AccessLicencesArgs) -> anyhow::Result<Exit> {
    let at = time(args.time.as_of)?;
    let which = match args.orphans {
        true => WhichLicences::Orphans,
        false => WhichLicences::All,
    };
    let choice = LicenceChoice {
        sort: args.sort,
        which,
    };
    let mut rows = Rows::new(&args.list.table, COLUMNS);
    let mut left = args.list.limit().unwrap_or(usize::MAX);
    let mut told: Vec<(Value, LicencesPage)> = Vec::new();
    for tenant in asked(client, args.list.tenant.clone(), at).await? {
        let (_doing, found) = counting("looking at licences", "found");
        let ask = |after, limit| query::Licences {
            tenant: tenant.clone(),
            at,
            choice: choice.clone(),
            after,
            limit,
        };
        let mut n_rows = 0;
        let take = |row: &LicenceRow| {
            n_rows += 1;
            rows.row(Row {
                cells: cells(&tenant, row),
                json: view::licence(&tenant, row),
            })
        };
        let answer = answers::read(client, left, &found, ask, take).await?;
        left -= n_rows;
        told.push((view::licences_answer(&answer, n_rows as u64), answer));
    }
    let mut printer = rows.into_printer()?;
    let jsons = told.iter().map(|(json, _)| json.clone()).collect();
    printer.end_with(view::access_answers(jsons));
    let summary = format!("{}.", count(printer.n_rows(), "assignment"));
    printer.finish(nothing(which, &told), &summary)?;
    if args.list.table.output.output != Format::Json {
        for (_, answer) in &told {
            say_of_licence(answer);
            say_of(&answer.page.envelope);
        }
    }
    Ok(Exit::Success)
}

/// Returns the tenants to ask. Qlik shows each tenant its whole licence, so we ask only one of the
/// tenants that share it.
async fn asked(
    client: &StoreClient,
    tenant: Option<String>,
    at: Option<Timestamp>,
) -> anyhow::Result<Vec<TenantName>> {
    let is_chosen = tenant.is_some();
    let tenants = tenants(client, tenant).await?;
    if is_chosen {
        return Ok(tenants);
    }
    let ask = |after, limit| query::LicenceTenants { at, after, limit };
    client.all(usize::MAX, ask).await
}

/// Returns whether something about the licence is not known.
fn lacks(answer: &LicencesPage) -> bool {
    let mut lacks = answer.page.envelope.not_known.iter();
    lacks.any(|what| matches!(what, NotKnown::Licences { .. }))
}

fn cells(tenant: &TenantName, row: &LicenceRow) -> Vec<Cell> {
    let assignment = &row.assignment;
    let excess = assignment.is_excess.map(|excess| match excess {
        true => "yes",
        false => "no",
    });
    vec![
        tenant.to_string().into(),
        assignment.subject.clone().into(),
        assignment.sort.clone().unwrap_or("?".to_owned()).into(),
        excess.unwrap_or("?").into(),
        assignment.created_at.into(),
        since(row.since),
    ]
}

/// Returns the cell that says since when the subject has what it has.
fn since(since: Option<LicenceSince>) -> Cell {
    match since {
        Some(LicenceSince::Observed { at }) => at.into(),
        Some(LicenceSince::BeforeFirstReading { .. }) => "before the first reading".into(),
        None => "?".into(),
    }
}

/// Says which licence it is, when it was read, and where its subjects were looked for.
fn say_of_licence(answer: &LicencesPage) {
    let tenant = &answer.page.envelope.tenant;
    if let Some(licence) = &answer.licence {
        let number = match &licence.number {
            Some(number) => format!(" is {number}"),
            None => " does not show its number".to_owned(),
        };
        let used = allotments(licence);
        say(format_args!("The licence of `{tenant}`{number}{used}."));
    }
    if let Some(read_at) = answer.read_at {
        say(format_args!(
            "To whom it is assigned was last read in full at {read_at}, from `{tenant}`."
        ));
    }
    if !answer.searched.is_empty() {
        let names: Vec<String> = answer.searched.iter().map(|it| format!("`{it}`")).collect();
        say(format_args!(
            "The subjects were looked for among the users of {}; the licence may be that of other \
             tenants, too, which are not read here.",
            names.join(", ")
        ));
    }
}

/// Writes how much of each type is used: `: professional 3 of 20, analyzer 7 of 10 and any number
/// more`.
fn allotments(licence: &LicenceHead) -> String {
    let n = |n: Option<i64>| n.map_or("?".to_owned(), |n| n.to_string());
    let parts = licence.allotments.iter().map(|(name, allotment)| {
        let Allotment {
            units,
            used,
            overage,
        } = allotment;
        let more = match overage {
            Some(-1) => " and any number more".to_owned(),
            Some(0) | None => String::new(),
            Some(overage) => format!(" and {overage} more"),
        };
        format!("{name} {} of {}{more}", n(*used), n(*units))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(": {}", parts.join(", ")),
    }
}

/// Returns what is printed if there are no rows. If not all is known, rows may be missing.
fn nothing(which: WhichLicences, told: &[(Value, LicencesPage)]) -> &'static str {
    let is_known = !told.is_empty() && !told.iter().any(|(_, answer)| lacks(answer));
    match (which, is_known) {
        (WhichLicences::All, _) => "No assignment of a licence is known.",
        (WhichLicences::Orphans, true) => "No orphan licence was found.",
        (WhichLicences::Orphans, false) => "No orphan licence was found, but not all is known.",
    }
}
