//! `events --follow`: prints events as they come, until it is stopped.
//!
//! Only a daemon can bring new events meanwhile: as long as we have the store open, no other
//! process can use it. So if no daemon runs, we print what is there, close the store, and wait for
//! a daemon. We do the same when the daemon ends.

use std::time::Duration;

use crate::config::Config;
use crate::control::{EventPage, EventRow, Events, MAX_PAGE, Page, SentError};
use crate::daemon::Hooks;
use crate::model::{Seq, TenantName};

use super::Exit;
use super::args::EventListArgs;
use super::event_pages::{Asked, chosen};
use super::event_rows::{COLUMNS, row_of, sample};
use super::output::Printer;
use super::serve::call_to_end;
use super::store_client::{Socket, StoreClient};
use super::style::say;
use super::ticker;

/// How often we ask a daemon for new events, or look for a daemon if none runs.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How many events are shown at first, unless specified: the latest ones.
const BEGINNING: usize = 10;

/// How many questions in a row may stay unanswered. A daemon that restarts misses one.
const PATIENCE: u32 = 5;

/// Follows the journal until SIGINT or SIGTERM.
pub(super) async fn run(config: &Config, args: EventListArgs) -> anyhow::Result<Exit> {
    let call = call_to_end()?;
    tokio::select! {
        ended = follow(config, args) => ended,
        () = call => Ok(Exit::Success),
    }
}

async fn follow(config: &Config, args: EventListArgs) -> anyhow::Result<Exit> {
    let client = StoreClient::open(config, Hooks::none()).await?;
    let Some(choice) = chosen(&client, &args).await? else {
        client.close().await?;
        return Ok(Exit::NotFound);
    };
    let mut trail = Trail {
        asked: Asked {
            tenant: args.list.tenant.clone().map(TenantName),
            choice,
        },
        at: Seq(args.after.unwrap_or_default()),
        printer: Printer::following(&args.list.table, COLUMNS, &sample())?,
    };
    trail.begin(&client, &args).await?;
    let mut client = match client {
        StoreClient::Daemon(_) => client,
        StoreClient::Own(_) => {
            client.close().await?;
            say("No daemon is running, so nothing new comes. Waiting for one; Ctrl-C ends this.");
            daemon(config).await?
        }
    };
    let mut n_failed = 0;
    loop {
        // This command always waits; only waiting for an answer is worth reporting.
        ticker::restart();
        match trail.go_on(&client).await {
            Ok(()) => n_failed = 0,
            Err(failure) => {
                n_failed += 1;
                if n_failed == PATIENCE || !is_ending(&failure) {
                    return Err(failure);
                }
                if Socket::connect(&config.store).await?.is_none() {
                    say("The daemon has ended. Waiting for it to come back; Ctrl-C ends this.");
                }
                client = daemon(config).await?;
            }
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Waits for a daemon.
async fn daemon(config: &Config) -> anyhow::Result<StoreClient> {
    loop {
        if let Some(socket) = Socket::connect(&config.store).await? {
            return Ok(StoreClient::Daemon(socket));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Returns whether a question failed because the daemon was ending.
fn is_ending(failure: &anyhow::Error) -> bool {
    match failure.downcast_ref::<SentError>() {
        Some(refused) => refused.code() == "control.ending",
        // The answer came only in part, or not at all.
        None => failure
            .chain()
            .any(<dyn std::error::Error>::is::<reqwest::Error>),
    }
}

/// How far the journal was followed.
struct Trail {
    asked: Asked,
    at: Seq,
    printer: Printer,
}

impl Trail {
    /// Prints what is there: everything from a given position or time, or else the last few events.
    async fn begin(&mut self, client: &StoreClient, args: &EventListArgs) -> anyhow::Result<()> {
        let is_from = args.after.is_some() || args.since.is_some();
        if is_from && args.list.limit().is_none() {
            return self.go_on(client).await;
        }
        let wanted = args.list.limit().unwrap_or(BEGINNING);
        let (mut rows, mut end) = (Vec::new(), None);
        let mut page = EventPage::Before(None);
        while rows.len() < wanted || end.is_none() {
            let limit = (wanted - rows.len()).clamp(1, MAX_PAGE);
            let found = self.asked.page(client, page, limit).await?;
            end = end.or(Some(found.last));
            rows.extend(found.page.rows);
            match found.page.next {
                Some(next) if next > self.at => page = EventPage::Before(Some(next)),
                Some(_) | None => break,
            }
        }
        rows.truncate(wanted);
        rows.retain(|row| row.entry.seq > self.at);
        rows.reverse();
        self.at = end.unwrap_or(self.at);
        self.print(rows)
    }

    /// Prints what has come since.
    async fn go_on(&mut self, client: &StoreClient) -> anyhow::Result<()> {
        loop {
            let page = EventPage::After(self.at);
            let Events { page, first, last } = self.asked.page(client, page, MAX_PAGE).await?;
            let Page { rows, next } = page;
            if last < self.at {
                say(format_args!(
                    "The journal now ends at event {last}, but event {} was there before: the \
                     store was replaced. Continuing from its end.",
                    self.at
                ));
                self.at = last;
                return Ok(());
            }
            if self.at.next() < first && self.asked.choice.since.is_none() {
                say(format_args!(
                    "The journal begins with event {first}; earlier ones are past `keep` in \
                     [store]."
                ));
            }
            let reached = rows.last().map_or(last, |row| row.entry.seq.max(last));
            self.print(rows)?;
            self.at = next.unwrap_or(reached);
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn print(&mut self, rows: Vec<EventRow>) -> anyhow::Result<()> {
        for row in rows {
            self.printer.row(row_of(&row)?)?;
        }
        self.printer.push()
    }
}
