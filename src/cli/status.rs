//! `status`: the overall state, tenant by tenant and endpoint by endpoint.

use std::path::Path;
use std::time::Duration;

use crate::clock::{ClockJump, Rough};
use crate::control::{
    EndpointRow, ExportRow, LastCrash, SeparationRow, Status, TenantRow, UnreadRow, query,
};
use crate::daemon::Hooks;
use crate::model::{MAX_IN_SPACE, Outcome, PlanState, losses_in_words};
use crate::view;

use super::args::TableArgs;
use super::endpoint_state::{of_choice, of_deliveries, of_endpoint, tone};
use super::output::{Printer, Row};
use super::pages::Whole;
use super::store_client::StoreClient;
use super::style::Tone;
use super::table::{Cell, Column};
use super::{Exit, losses};

const COLUMNS: &[Column] = &[
    Column::new("WHAT", 0).shrinkable(16),
    Column::new("STATE", 0),
    Column::new("LAST SUCCESS", 2),
    Column::new("DETAIL", 1).shrinkable(24),
];

pub(super) async fn run(config: Option<&Path>, args: TableArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let status = ask(&client).await;
    let daemon = daemon(&client);
    client.close().await?;
    let status = status?;
    let mut exit = Exit::Success;
    let mut printer = Printer::new(&args, COLUMNS)?;
    exit = exit.graver(losses::exit(&status.losses));
    for loss in &status.losses {
        printer.row(losses::row(loss))?;
    }
    for row in &status.tenants {
        exit = exit.graver(of_tenant(row));
        printer.row(tenant(row))?;
    }
    let is_reached = |row: &UnreadRow| status.tenants.iter().any(|known| known.name == row.name);
    let unreached = status.unread.iter().filter(|row| !is_reached(row));
    for row in unreached.clone() {
        exit = exit.graver(of_unread(row));
        printer.row(unread(row))?;
    }
    for row in &status.endpoints {
        exit = exit.graver(of_endpoint(row));
        printer.row(endpoint(row))?;
    }
    for row in &status.separations {
        exit = exit.graver(of_choice(&row.unmatched));
        printer.row(separation(row))?;
    }
    for row in &status.exports {
        exit = exit.graver(of_export(row));
        printer.row(export(row))?;
    }
    exit = exit.graver(
        status
            .reload
            .as_ref()
            .map_or(Exit::Success, super::reload::exit),
    );
    let n_rows = status.tenants.len()
        + unreached.count()
        + status.endpoints.len()
        + status.separations.len()
        + status.exports.len();
    if n_rows > 0 {
        printer.row(super::store::row(&status.space))?;
        if let Some((jump, ago)) = status.clock_jump {
            printer.row(clock(jump, ago))?;
        }
        if let Some(last) = &status.reload {
            printer.row(super::reload::row(last))?;
        }
        if let Some(last) = &status.crash {
            printer.row(crash(last))?;
        }
        printer.row(daemon)?;
    }
    let summary = match exit {
        Exit::Success => "All is well.",
        _ => "",
    };
    printer.finish(
        "Nothing is known yet. `qlik-roster sync` does a first run.",
        summary,
    )?;
    Ok(exit)
}

/// Asks for the overall state, page by page.
pub(super) async fn ask(client: &StoreClient) -> anyhow::Result<Status> {
    let asked = |after, limit| query::Status {
        after,
        limit,
        ..query::Status::default()
    };
    let (status, _) = client.whole(usize::MAX, asked, |_| Ok(())).await?;
    Ok(status)
}

impl Whole for Status {
    fn add(&mut self, page: Self) {
        let Self {
            last,
            space,
            tenants,
            endpoints,
            unread,
            separations,
            exports,
            losses,
            clock_jump,
            crash,
            reload,
            next: _,
        } = page;
        (self.last, self.space, self.clock_jump) = (last, space, clock_jump);
        (self.crash, self.reload) = (crash, reload);
        self.tenants.extend(tenants);
        self.endpoints.extend(endpoints);
        self.unread.extend(unread);
        self.separations.extend(separations);
        self.exports.extend(exports);
        self.losses.extend(losses);
    }
}

/// Reports how the clock was last set.
fn clock(jump: ClockJump, ago: Duration) -> Row {
    let state = view::word_of_clock(jump);
    Row {
        cells: vec![
            "clock".into(),
            Cell::from(state).toned(Some(Tone::Warn)),
            "".into(),
            format!("{} ago {jump} [{}]", Rough(ago), jump.code()).into(),
        ],
        json: view::clock(jump, ago),
    }
}

/// Reports which part of the daemon crashed last.
fn crash(last: &LastCrash) -> Row {
    let LastCrash { part, ago, total } = last;
    let detail = format!(
        "{part} crashed {} ago and was started again; crashes since the daemon started: {total} \
         [{}]",
        Rough(*ago),
        last.code()
    );
    Row {
        cells: vec![
            "crash".into(),
            Cell::from("started again").toned(Some(Tone::Warn)),
            "".into(),
            detail.into(),
        ],
        json: view::crash(last),
    }
}

/// Reports whether a daemon runs, judged by who answered.
fn daemon(client: &StoreClient) -> Row {
    let (state, tone, detail) = match client {
        StoreClient::Daemon(_) => ("running", Tone::Good, "it answered these questions"),
        StoreClient::Own(_) => (
            "not running",
            Tone::Warn,
            "nothing is read or delivered until `qlik-roster serve` or `sync` is run",
        ),
    };
    Row {
        cells: vec![
            "daemon".into(),
            Cell::from(state).toned(Some(tone)),
            "".into(),
            detail.into(),
        ],
        json: view::daemon(state),
    }
}

/// Returns the exit code for a tenant's state.
pub(super) fn of_tenant(row: &TenantRow) -> Exit {
    if row
        .held
        .as_ref()
        .is_some_and(|plan| plan.state == PlanState::Held)
    {
        return Exit::Held;
    }
    if row.overdue.is_some() {
        return Exit::Source;
    }
    match row.last_run.as_ref().map(|run| &run.outcome) {
        None | Some(Outcome::Running | Outcome::Succeeded | Outcome::Held) => Exit::Success,
        Some(Outcome::Degraded | Outcome::Incomplete { .. }) => Exit::Partial,
        Some(Outcome::Failed { .. } | Outcome::Interrupted) => Exit::Source,
    }
}

/// Returns the exit code for a tenant that was never reached.
fn of_unread(row: &UnreadRow) -> Exit {
    match row.why {
        Some(_) => Exit::Source,
        None => Exit::Success,
    }
}

fn unread(row: &UnreadRow) -> Row {
    let why = row.why.clone();
    let why = why.unwrap_or_else(|| "no run of it has ended yet".to_owned());
    Row {
        cells: vec![
            format!("tenant {}", row.name).into(),
            Cell::from("never reached").toned(Some(Tone::Bad)),
            "".into(),
            format!("nothing is known of it: {why}").into(),
        ],
        json: view::unread(row),
    }
}

fn endpoint(row: &EndpointRow) -> Row {
    Row {
        cells: vec![
            format!("endpoint {}", row.name).into(),
            Cell::from(view::word_of_endpoint(row)).toned(tone(row)),
            row.delivered_at.into(),
            of_deliveries(row).into(),
        ],
        json: view::endpoint_status(row),
    }
}

/// Reports a rule that has names that match nothing.
fn separation(row: &SeparationRow) -> Row {
    let detail = row.code().zip(row.unmatched.in_words());
    let detail = detail.map(|(code, words)| format!("{words} [{code}]"));
    Row {
        cells: vec![
            format!("rule {}", row.rule).into(),
            Cell::from("unmatched").toned(Some(Tone::Warn)),
            "".into(),
            detail.into(),
        ],
        json: view::separation_status(row),
    }
}

/// Returns the exit code for the state of an export.
fn of_export(row: &ExportRow) -> Exit {
    match row.failure {
        Some(_) => Exit::Source,
        None => Exit::Success,
    }
}

/// Reports an export.
fn export(row: &ExportRow) -> Row {
    let tone = match row.failure {
        Some(_) => Tone::Bad,
        None => Tone::Good,
    };
    let mut parts = Vec::new();
    if let Some(failure) = &row.failure {
        let (message, remedy, code) = (&failure.message, &failure.remedy, &failure.code);
        parts.push(format!("{message}; {remedy} [{code}]"));
    }
    parts.push(row.folder.clone());
    parts.extend(row.next.map(|next| format!("next at {next}")));
    Row {
        cells: vec![
            format!("export {}", row.name).into(),
            Cell::from(view::word_of_export(row)).toned(Some(tone)),
            row.written.into(),
            parts.join("; ").into(),
        ],
        json: view::export_status(row),
    }
}

/// Reports that a tenant is not read in time.
fn overdue(row: &TenantRow) -> Option<String> {
    let (overdue, code) = (row.overdue?, row.code()?);
    let since = Rough(overdue);
    Some(format!(
        "no run has succeeded for {since}, while three or more were due [{code}]"
    ))
}

/// Reports that lists of spaces are too long to keep.
fn long_lists(row: &TenantRow) -> Option<String> {
    let lists = match row.long_lists {
        0 => return None,
        1 => "1 list of a space is".to_owned(),
        n => format!("{n} lists of spaces are"),
    };
    Some(format!(
        "{lists} known only in part, with more than {MAX_IN_SPACE} members"
    ))
}

fn tenant(row: &TenantRow) -> Row {
    let last = row.last_run.as_ref();
    let state = view::word_of_tenant(row);
    let tone = match state {
        "rejected" => Some(Tone::Dim),
        _ => last.and_then(|run| super::runs::tone(&run.outcome)),
    };
    let [roles, groups, users] = row.counts;
    // What needs attention comes first: a narrow screen cuts off the end.
    let mut parts = Vec::new();
    // If removals are held, the plan says so better.
    let run = last.filter(|run| run.outcome != Outcome::Held || row.held.is_none());
    let run = run.and_then(|run| view::why(&run.outcome));
    parts.extend(run);
    parts.extend(overdue(row));
    let progress = row.progress.as_ref().map(ToString::to_string);
    if let Some(plan) = &row.held {
        parts.push(format!(
            "{} {}: {}",
            plan.id,
            plan.state.word(),
            losses_in_words(&plan.losses)
        ));
    }
    parts.extend(progress);
    parts.extend(long_lists(row));
    parts.push(format!("{users} users, {groups} groups, {roles} roles"));
    Row {
        cells: vec![
            format!("tenant {}", row.name).into(),
            Cell::from(state).toned(tone),
            row.last_success.into(),
            parts.join("; ").into(),
        ],
        json: view::tenant_status(row),
    }
}
