//! `events`: lists the journal, and shows an event as a receiver gets it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

use crate::control::{EventChoice, EventName, EventPage, Events, FoundEvent, Page, query};
use crate::daemon::Hooks;
use crate::doing::{self, Doing};
use crate::model::{Seq, TenantName, Thousands};

use super::args::{EventListArgs, EventsAction, EventsArgs, Format};
use super::error::CliError;
use super::event_pages::{Asked, chosen};
use super::event_rows::{COLUMNS, cells, json_of, row_of, run_of};
use super::output::{self, Printer, print_one};
use super::store_client::StoreClient;
use super::style::{count, say};
use super::{Exit, follow};

pub(super) async fn run(config: Option<&Path>, args: EventsArgs) -> anyhow::Result<Exit> {
    let config = super::begin::load(config)?;
    let action = match args.action {
        None => EventsAction::List(args.list),
        Some(action) => action,
    };
    let action = match action {
        EventsAction::List(args) if args.follow => return follow::run(&config, args).await,
        other => other,
    };
    let client = StoreClient::open(&config, Hooks::none()).await?;
    let exit = match action {
        EventsAction::List(args) => list(&client, args).await,
        EventsAction::Show { event, output } => show(&client, &event, output.output).await,
    };
    client.close().await?;
    exit
}

async fn list(client: &StoreClient, args: EventListArgs) -> anyhow::Result<Exit> {
    let mut page = match args.after {
        Some(after) => EventPage::After(Seq(after)),
        None => EventPage::Before(None),
    };
    let Some(choice) = chosen(client, &args).await? else {
        return Ok(Exit::NotFound);
    };
    let args = args.list;
    let mut left = args.limit().unwrap_or(usize::MAX);
    let asked = Asked {
        tenant: args.tenant.map(TenantName),
        choice,
    };
    let mut printer = None;
    let looked = Arc::new(AtomicU64::new(0));
    let _doing = looking(&looked);
    while left > 0 {
        let Events {
            page: found, first, ..
        } = asked.page(client, page, left).await?;
        let Page { rows, next } = found;
        // Opened only now, so that standard output stays empty if the question fails.
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
                "The journal begins with event {first}; earlier ones are past `keep` in [store]."
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
            true => "No events yet: nothing has changed since each tenant was first read in full.",
            false => "No such event is on record.",
        };
        printer.finish(nothing, &summary)?;
    }
    Ok(Exit::Success)
}

/// Reports how much of the journal was searched, which can take long even for a few events.
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

async fn show(client: &StoreClient, event: &str, format: Format) -> anyhow::Result<Exit> {
    let name: EventName = event
        .parse()
        .with_context(|| format!("looking for `{event}`"))?;
    let asked = query::Event {
        event: name.clone(),
    };
    let FoundEvent { row, first } = client.ask(asked).await?;
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
    print_one(format, &lines, &json_of(&row)?)?;
    Ok(Exit::Success)
}
