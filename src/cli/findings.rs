//! `findings`: lists accounts and groups that somebody should look at, each with why it matters,
//! and accepts what may stay.

use std::collections::BTreeMap;
use std::path::Path;

use crate::control::query::FindingStanding;
use crate::control::{
    ConcernCode, ConcernRow, ConcernSubject, FindingPosition, IdlenessLack, IdlenessRow, RuleRow,
    Severity, UnjudgedLicences, UnreadRow, command, query,
};
use crate::daemon::Hooks;
use crate::model::{FindingId, SessionSpan, TenantName, Thousands};
use crate::view;

use super::args::{FindingListArgs, FindingsAction, FindingsArgs, Format};
use super::error::CliError;
use super::output::{Printer, Row};
use super::store_client::StoreClient;
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::{Exit, actor};

const OPEN: &[Column] = &[
    Column::new("ID", 1),
    Column::new("TENANT", 3),
    Column::new("FINDING", 0),
    Column::new("USER", 5),
    Column::new("NAME", 0).shrinkable(12),
    Column::new("DETAIL", 2).shrinkable(20),
    Column::new("SEVERITY", 4),
    Column::new("GROUP", 6),
];

const ACCEPTED: &[Column] = &[
    Column::new("ID", 1),
    Column::new("TENANT", 3),
    Column::new("FINDING", 0),
    Column::new("USER", 7),
    Column::new("NAME", 0).shrinkable(12),
    Column::new("DETAIL", 6).shrinkable(20),
    Column::new("SEVERITY", 5),
    Column::new("WHY", 0).shrinkable(16),
    Column::new("BY", 2).shrinkable(8),
    Column::new("ACCEPTED", 4),
    Column::new("GROUP", 8),
];

/// How many characters `--why` and `--by` may have: they appear in a row of a table.
const MAX_TEXT: usize = 500;

pub(super) async fn run(config: Option<&Path>, args: FindingsArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match args.action {
        None => list(&client, args.list).await,
        Some(FindingsAction::List(args)) => list(&client, args).await,
        Some(FindingsAction::Accept { ids, why, by }) => {
            accept(&client, &ids, &why, by.as_deref()).await
        }
        Some(FindingsAction::Reopen { ids }) => reopen(&client, &ids).await,
    };
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, args: FindingListArgs) -> anyhow::Result<Exit> {
    let wanted = match !args.code.is_empty() || args.min > Severity::Notice {
        true => Wanted::Some,
        false => Wanted::All,
    };
    let FindingListArgs {
        code: codes,
        min,
        accepted,
        list: args,
    } = args;
    let standing = match accepted {
        true => FindingStanding::Accepted,
        false => FindingStanding::Open,
    };
    let asked = query::Findings {
        tenant: args.tenant.clone().map(TenantName),
        codes,
        min,
        standing,
        after: None,
        limit: args.limit().unwrap_or(usize::MAX),
    };
    let format = args.table.output.output;
    let columns = match standing {
        FindingStanding::Open => OPEN,
        FindingStanding::Accepted => ACCEPTED,
    };
    let mut printer = Printer::new(&args.table, columns)?;
    let found = read(client, asked, &mut printer).await?;
    let n_all = usize::try_from(found.counts.values().sum::<u64>()).unwrap_or(usize::MAX);
    let summary = match printer.n_rows() {
        n if n < n_all => format!("{n} of {} shown.", count(n_all, "finding")),
        n => format!("{}.", count(n, "finding")),
    };
    printer.finish(nothing(standing, wanted, &found), &summary)?;
    if format == Format::Table {
        explain(&found.counts);
        if standing == FindingStanding::Open && found.n_accepted > 0 {
            let n_accepted = Thousands(found.n_accepted);
            say(format_args!(
                "{n_accepted} more accepted; `qlik-roster findings --accepted` lists them."
            ));
        }
    }
    Ok(match found.n_unread == 0 && found.n_not_judged == 0 {
        true => Exit::Success,
        false => Exit::Partial,
    })
}

/// What was found in all tenants.
#[derive(Default)]
struct Found {
    counts: BTreeMap<ConcernCode, u64>,
    n_accepted: u64,
    n_unread: usize,
    n_not_judged: usize,
}

/// Prints as many findings as are wanted, and counts all of them. Names the tenants and rules for
/// which we cannot tell.
async fn read(
    client: &StoreClient,
    mut asked: query::Findings,
    printer: &mut Printer,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut left = asked.limit;
    loop {
        asked.limit = left.max(1);
        let page = client.ask(asked.clone()).await?;
        name_unread(&page.unread);
        found.n_unread += page.unread.len();
        if asked.standing == FindingStanding::Open {
            found.n_not_judged += page.idleness.iter().map(name_idleness).count();
            found.n_not_judged += name_not_judged(&page.rules);
            found.n_not_judged += page.licences.iter().map(name_unjudged).count();
        }
        for (code, n) in page.counts {
            *found.counts.entry(code).or_default() += n;
        }
        found.n_accepted += page.accepted;
        for row in page.rows.iter().take(left) {
            printer.row(shown(row))?;
        }
        left = left.saturating_sub(page.rows.len());
        asked.after = match page.next {
            None => return Ok(found),
            // Only the counts of the other tenants are of use.
            Some(FindingPosition::Within(tenant, _)) if left == 0 => {
                Some(FindingPosition::AfterTenant(tenant))
            }
            next => next,
        };
    }
}

/// Says which rules cannot be judged, and for whom. Returns how many there are.
fn name_not_judged(rules: &[RuleRow]) -> usize {
    let not_judged = rules.iter().filter(|row| !row.is_judged());
    for row in not_judged.clone() {
        let (rule, tenant) = (&row.rule, &row.tenant);
        let why = if row.is_blind {
            "none of its roles is visible, so nobody knows which the rule means".to_owned()
        } else if row.is_unread {
            "it was never read in full".to_owned()
        } else {
            let n = usize::try_from(row.not_judged).unwrap_or(usize::MAX);
            format!(
                "some of the roles of {} are not visible; `qlik-roster access --tenant {tenant}` \
                 says what",
                count(n, "user")
            )
        };
        say(format_args!(
            "It is not known whether anybody breaks the rule `{rule}` in `{tenant}`: {why}."
        ));
    }
    not_judged.count()
}

/// Says why it is not known who is idle.
fn name_idleness(row: &IdlenessRow) {
    let IdlenessRow { tenant, lack } = row;
    let why = match lack {
        IdlenessLack::Sessions(Some(SessionSpan { since, until })) => {
            format!("sessions are known from {since} to {until}")
        }
        IdlenessLack::Sessions(None) => {
            "no session is known yet; `qlik-roster check` says whether the audit log may be read"
                .to_owned()
        }
        IdlenessLack::Late(n) => {
            let n = usize::try_from(*n).unwrap_or(usize::MAX);
            let users = count(n, "user");
            format!("{users} existed before they were found, and may have logged in before that")
        }
        IdlenessLack::Roles(n) => {
            let n = usize::try_from(*n).unwrap_or(usize::MAX);
            format!(
                "some of the roles of {} without a session are not visible: an administrator may \
                 be among them",
                count(n, "user")
            )
        }
    };
    say(format_args!(
        "It is not known who is idle in `{tenant}`: {why}. `qlik-roster access stale --tenant \
         {tenant}` lists who might be."
    ));
}

/// Says why it is not known which licences are orphan licences.
fn name_unjudged(licences: &UnjudgedLicences) {
    let lacks = licences.lacks.iter();
    let lacks: Vec<String> = lacks.map(|(name, lack)| lack.of(name)).collect();
    say(format_args!(
        "It is not known which assignments of the licence of `{}` are orphan licences: {}.",
        licences.tenant,
        lacks.join("; ")
    ));
}

/// Whether findings were chosen by code or severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Some,
}

/// Names the tenants about which nothing is known.
fn name_unread(unread: &[UnreadRow]) {
    for row in unread {
        say(format_args!(
            "Nothing is known of `{}`, which was never read: {}.",
            row.name,
            row.why.as_deref().unwrap_or("no run of it has ended")
        ));
    }
}

/// Returns what is printed if there are no rows.
fn nothing(standing: FindingStanding, wanted: Wanted, found: &Found) -> &'static str {
    let is_known = found.n_unread == 0 && found.n_not_judged == 0;
    match (standing, wanted, is_known) {
        (FindingStanding::Accepted, Wanted::Some, _) => "No such finding is accepted.",
        (FindingStanding::Accepted, Wanted::All, _) => {
            "No finding is accepted. `qlik-roster findings accept ID --why TEXT` accepts one."
        }
        (FindingStanding::Open, Wanted::Some, true) => "No such finding.",
        (FindingStanding::Open, Wanted::Some, false) => "No such finding, as far as is known.",
        (FindingStanding::Open, Wanted::All, true) => "Nothing of concern was found.",
        (FindingStanding::Open, Wanted::All, false) => {
            "Nothing of concern was found, as far as is known."
        }
    }
}

/// Reports how many there are of each kind, and why it matters.
fn explain(counts: &BTreeMap<ConcernCode, u64>) {
    for (code, n) in counts {
        say(format_args!(
            "{} {} ({}): {}.",
            Thousands(*n),
            code.code(),
            code.severity().word(),
            code.why()
        ));
    }
}

async fn accept(
    client: &StoreClient,
    ids: &[String],
    why: &str,
    by: Option<&str>,
) -> anyhow::Result<Exit> {
    let why = text("--why", why)?;
    let by = match by {
        Some(by) => actor::named_so(text("--by", by)?),
        None => actor::own(),
    };
    for id in parse(ids)? {
        let why = why.clone();
        let accept = command::AcceptFinding { id, why };
        let row = client.order(by.clone(), accept).await?;
        say(format_args!(
            "Accepted {id}: {} of `{}`, {} ({}). `qlik-roster findings reopen {id}` undoes this.",
            row.concern.label,
            row.tenant,
            row.concern.code.code(),
            row.concern.detail
        ));
    }
    Ok(Exit::Success)
}

async fn reopen(client: &StoreClient, ids: &[String]) -> anyhow::Result<Exit> {
    for id in parse(ids)? {
        let id = client
            .order(actor::own(), command::ReopenFinding { id })
            .await?;
        say(format_args!(
            "{id} is no longer accepted: `qlik-roster findings` lists it as long as it is found."
        ));
    }
    Ok(Exit::Success)
}

/// Parses all ids before acting on the first.
fn parse(ids: &[String]) -> Result<Vec<FindingId>, CliError> {
    let ids = ids.iter().map(|id| id.parse().map_err(CliError::usage));
    ids.collect()
}

/// Parses a text that is stored with an acceptance.
fn text(option: &str, given: &str) -> Result<String, CliError> {
    let given = given.trim();
    match given.chars().count() {
        1..=MAX_TEXT => Ok(given.to_owned()),
        0 => Err(CliError::usage(format_args!(
            "`{option}` must not be empty"
        ))),
        n => Err(CliError::usage(format_args!(
            "`{option}` may have at most {MAX_TEXT} characters; this has {n}"
        ))),
    }
}

fn shown(row: &ConcernRow) -> Row {
    let concern = &row.concern;
    let (user, group) = match &concern.subject {
        ConcernSubject::AllUsers | ConcernSubject::Licence(_) => (None, None),
        ConcernSubject::User(user) => (Some(user), None),
        ConcernSubject::Group(group) => (None, Some(group)),
    };
    let mut cells = vec![
        row.id.to_string().into(),
        row.tenant.to_string().into(),
        Cell::from(concern.code.code()).toned(Some(match row.accepted {
            Some(_) => Tone::Dim,
            None => Tone::Warn,
        })),
        user.map(|id| id.0.to_string()).into(),
        concern.label.clone().into(),
        concern.detail.clone().into(),
        concern.code.severity().word().into(),
    ];
    if let Some(accepted) = &row.accepted {
        cells.extend([
            accepted.why.clone().into(),
            accepted.by.clone().into(),
            accepted.at.into(),
        ]);
    }
    cells.push(group.map(|id| id.0.to_string()).into());
    Row {
        cells,
        json: view::finding(row),
    }
}
