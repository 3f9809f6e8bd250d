//! `events`: lists the journal, and shows an event as a receiver gets it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use serde_json::Value;

use crate::clock::Clock;
use crate::control::{
    EventChoice, EventName, EventPage, EventRow, MARK, MAX_PAGE, Reply, Request, Whose, is_of_type,
};
use crate::daemon::Hooks;
use crate::deliver;
use crate::deliver::EVENT_TYPES;
use crate::doing::{self, Doing};
use crate::model::{Entry, Fact, Kind, Recovery, Seq, TenantName, Thousands, losses_in_words};
use crate::suggest::closest;

use super::args::{EventListArgs, EventsAction, EventsArgs, Format};
use super::door::Door;
use super::failure::CliError;
use super::narrate::sentence;
use super::output::{self, Printer, Row, print_one};
use super::style::{Tone, count, say};
use super::table::{Cell, Column};
use super::{Exit, follow};

pub(super) const COLUMNS: &[Column] = &[
    Column::new("SEQ", 1).number(),
    Column::new("TIME", 1),
    Column::new("TENANT", 2),
    Column::new("TYPE", 3),
    Column::new("ID", 4),
    Column::new("WHAT", 0).cut(36),
];

/// The role that may do everything in a tenant.
const ADMINISTRATOR: &str = "TenantAdmin";

pub(super) async fn run(config: Option<&Path>, args: EventsArgs) -> anyhow::Result<Exit> {
    let config = super::load(config)?;
    let action = match args.action {
        None => EventsAction::List(args.list),
        Some(action) => action,
    };
    let action = match action {
        EventsAction::List(args) if args.follow => return follow::run(&config, args).await,
        other => other,
    };
    let door = Door::open(&config, Hooks::none()).await?;
    let exit = match action {
        EventsAction::List(args) => list(&door, args).await,
        EventsAction::Show { event, output } => show(&door, &event, output.output).await,
    };
    door.close().await?;
    exit
}

async fn list(door: &Door, args: EventListArgs) -> anyhow::Result<Exit> {
    let mut page = match args.after {
        Some(after) => EventPage::After(Seq(after)),
        None => EventPage::Before(None),
    };
    let Some(choice) = chosen(door, &args).await? else {
        return Ok(Exit::NotFound);
    };
    let args = args.list;
    let asked = Asked {
        tenant: args.tenant.map(TenantName),
        choice,
    };
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut printer = None;
    let looked = Arc::new(AtomicU64::new(0));
    let _doing = looking(&looked);
    while left > 0 {
        let Page {
            rows, next, first, ..
        } = asked.page(door, page, left.min(MAX_PAGE)).await?;
        // Opened only now, so that a failure to ask leaves standard output empty.
        let is_first = printer.is_none();
        let printer = match &mut printer {
            Some(printer) => printer,
            none => none.insert(Printer::new(&args.table, COLUMNS)?),
        };
        let misses_some = match page {
            EventPage::After(after) => is_first && after.next() < first,
            EventPage::Before(_) => {
                next.is_none() && asked.choice.since.is_none() && Seq::START.next() < first
            }
        };
        if misses_some {
            say(format_args!(
                "The journal begins with event {first}; those before it are past `keep` in [store]."
            ));
        }
        left -= rows.len().min(left);
        looked.store(next.map_or(0, |next| next.0), Ordering::Relaxed);
        for row in rows {
            printer.row(row_of(&row)?)?;
        }
        page = match (page, next) {
            (_, None) => break,
            (EventPage::After(_), Some(next)) => EventPage::After(next),
            (EventPage::Before(_), Some(next)) => EventPage::Before(Some(next)),
        };
    }
    if let Some(printer) = printer {
        let summary = format!("{}.", count(printer.n_rows(), "event"));
        let nothing = match asked.choice == EventChoice::default() {
            true => {
                "No events yet: nothing has changed since each tenant was first read to its end."
            }
            false => "No such event is kept.",
        };
        printer.finish(nothing, &summary)?;
    }
    Ok(Exit::Success)
}

/// Says how far the journal was looked through, which may be long for a few events.
fn looking(at: &Arc<AtomicU64>) -> Doing {
    let at = Arc::clone(at);
    doing::telling(move || {
        let found = Thousands(output::n_printed());
        match at.load(Ordering::Relaxed) {
            0 => "looking through the journal".to_owned(),
            at => format!(
                "looking through the journal: at event {}, {found} found so far",
                Thousands(at)
            ),
        }
    })
}

/// Which events are asked for, page by page.
pub(super) struct Asked {
    pub(super) tenant: Option<TenantName>,
    pub(super) choice: EventChoice,
}

/// A page of events.
pub(super) struct Page {
    pub(super) rows: Vec<EventRow>,
    pub(super) next: Option<Seq>,
    pub(super) first: Seq,
    pub(super) last: Seq,
}

impl Asked {
    pub(super) async fn page(
        &self,
        door: &Door,
        page: EventPage,
        limit: usize,
    ) -> anyhow::Result<Page> {
        let request = Request::Events {
            tenant: self.tenant.clone(),
            choice: self.choice.clone(),
            page,
            limit,
        };
        match door.ask(request).await? {
            Reply::Events {
                rows,
                next,
                first,
                last,
            } => Ok(Page {
                rows,
                next,
                first,
                last,
            }),
            other => super::unexpected(&other),
        }
    }
}

/// Returns what events are chosen by, with the accounts that are called so now. `None` if there is no
/// such type, which was said.
pub(super) async fn chosen(
    door: &Door,
    args: &EventListArgs,
) -> anyhow::Result<Option<EventChoice>> {
    let names = || EVENT_TYPES.iter().copied().chain([MARK]);
    if let Some(wanted) = &args.event_type
        && !names().any(|name| is_of_type(wanted, name))
    {
        let meant = closest(wanted, names()).map(|name| format!(" Did you mean `{name}`?"));
        say(format_args!(
            "No event is of the type `{wanted}`.{}",
            meant.unwrap_or_default()
        ));
        return Ok(None);
    }
    let user = match &args.user {
        None => None,
        Some(called) => {
            let request = Request::Find {
                kind: Kind::User,
                tenant: args.list.tenant.clone().map(TenantName),
                called: called.clone(),
            };
            let rows = match door.ask(request).await? {
                Reply::Records { rows, .. } => rows,
                other => return super::unexpected(&other),
            };
            Some(Whose {
                ids: rows.iter().map(|row| row.record.id().clone()).collect(),
                called: called.clone(),
            })
        }
    };
    Ok(Some(EventChoice {
        event_type: args.event_type.clone(),
        kind: args.kind,
        user,
        since: args.since.map(|since| since.time(Clock::system().now())),
    }))
}

async fn show(door: &Door, event: &str, format: Format) -> anyhow::Result<Exit> {
    let name: EventName = event
        .parse()
        .with_context(|| format!("looking for `{event}`"))?;
    let request = Request::Event {
        event: name.clone(),
    };
    let (row, first) = match door.ask(request).await? {
        Reply::Event { row, first } => (row, first),
        other => return super::unexpected(&other),
    };
    let Some(row) = row else {
        let is_past = name
            .place()
            .is_some_and(|seq| seq != Seq::START && seq < first);
        let detail = match is_past {
            true => format!("event {name} was deleted: the journal begins with event {first}"),
            false => format!("there is no event {name}"),
        };
        return Err(CliError::NotThere(detail).into());
    };
    let names = COLUMNS.iter().map(|column| column.name);
    let mut lines: Vec<_> = names.zip(cells(&row)).collect();
    lines.push(("RUN", run_of(&row.entry).into()));
    print_one(format, &lines, &outside(&row)?)?;
    Ok(Exit::Success)
}

pub(super) fn row_of(row: &EventRow) -> anyhow::Result<Row> {
    Ok(Row {
        cells: cells(row),
        json: outside(row)?,
    })
}

/// A row that is as wide as those that may come: the last column has what is left.
pub(super) fn sample() -> Vec<Cell> {
    let longest = EVENT_TYPES.iter().max_by_key(|name| name.len());
    let wide = |n| Cell::from("x".repeat(n));
    let time = Clock::system().now();
    let event_type = longest.map(|name| Cell::from(*name));
    vec![
        wide(6),
        time.into(),
        wide(8),
        event_type.unwrap_or_else(|| wide(16)),
        wide(24),
        wide(400),
    ]
}

fn cells(row: &EventRow) -> Vec<Cell> {
    let entry = &row.entry;
    let (id, what) = match &entry.fact {
        Fact::Changed(change) => (change.id().to_string(), sentence(change)),
        Fact::Loaded {
            roles,
            groups,
            users,
        } => (
            String::new(),
            format!("first load: {users} users, {groups} groups, {roles} roles"),
        ),
        Fact::Held { plan, losses, .. } => (
            plan.to_string(),
            format!("held for an operator: {}", losses_in_words(losses)),
        ),
        Fact::Failed { code, message } => {
            (run_of(entry), format!("sync fails: {message} [{code}]"))
        }
        Fact::Recovered(Recovery::Plan(plan)) => (
            plan.to_string(),
            "the source shows again what was missing".to_owned(),
        ),
        Fact::Recovered(Recovery::Sync) => (run_of(entry), "sync succeeds again".to_owned()),
        Fact::EndpointDisabled {
            endpoint, reason, ..
        } => (
            endpoint.to_string(),
            format!("the endpoint gets no events any more: {reason}"),
        ),
        Fact::Unreadable => (
            String::new(),
            "what stood here could not be read after the store was damaged".to_owned(),
        ),
        Fact::HistoryLost(missing) => (
            String::new(),
            format!("history was lost with a damaged store: {missing}"),
        ),
    };
    vec![
        entry.seq.to_string().into(),
        entry.at.into(),
        row.tenant.as_ref().map(ToString::to_string).into(),
        entry.fact.event_type().unwrap_or(MARK).into(),
        id.into(),
        Cell::from(what).toned(tone(&entry.fact)),
    ]
}

/// Colours what somebody must know: trouble, and who may administer now.
fn tone(fact: &Fact) -> Option<Tone> {
    match fact {
        Fact::Failed { .. }
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_) => Some(Tone::Bad),
        Fact::Held { .. } => Some(Tone::Warn),
        Fact::Recovered(_) => Some(Tone::Good),
        Fact::Loaded { .. } => Some(Tone::Dim),
        Fact::Changed(change) => sentence(change)
            .contains(ADMINISTRATOR)
            .then_some(Tone::Bold),
    }
}

fn run_of(entry: &Entry) -> String {
    entry.run().map_or_else(String::new, |run| run.to_string())
}

/// The event as a receiver gets it; the mark of a first load, which nobody gets, as it is.
fn outside(row: &EventRow) -> anyhow::Result<Value> {
    match deliver::body(row.store, &row.entry) {
        Some(body) => serde_json::from_slice(&body).context("reading our own event"),
        None => Ok(serde_json::to_value(&row.entry)?),
    }
}
