//! `demo`: an emulated tenant, the real daemon and a receiver that verifies, in one terminal.

mod page;
mod stage;
mod wanted;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::control::{Control, EventName, Reply, Request};
use crate::daemon::{Daemon, Hooks};
use crate::demo::{Delivery, Story};
use crate::model::{Fact, Mode, Outcome, Run, Seq, TenantName};
use crate::telemetry::{self, Filter, LogOptions};

use super::Exit;
use super::args::DemoArgs;
use super::narrate::sentence;
use super::serve::call_to_end;
use super::style::{Colour, Tone};
use super::ticker::Ticker;

use page::{Page, Told};
use stage::{Stage, TENANT};
use wanted::{Wanted, expected};

/// Between two things that happen, so that a person can read along.
const PACE: Duration = Duration::from_millis(700);

/// How long a change may take to arrive before the demo has failed.
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    let call = call_to_end()?;
    let clock = Clock::system();
    let stage = Stage::set(&args, clock.clone()).await?;
    let config = config::load(Some(&stage.config_path()), &Environment::default())?;
    // Started before if the demo runs within a process that logs already.
    let quiet = LogOptions {
        filter: Filter::parse("warn")?,
        ..LogOptions::default()
    };
    drop(telemetry::start_logging(&quiet));
    let page = Page {
        colour: Colour::of(&io::stdout()),
        clock: clock.clone(),
    };
    page.introduce(&stage)?;

    let ticker = Ticker::default();
    let hooks = Hooks {
        sync: ticker.observer(),
    };
    let daemon = Daemon::start(&config, clock, hooks).await?;
    let control = daemon.control();
    let ended = tokio::sync::Notify::new();
    let show = Show {
        stage: &stage,
        control: Arc::clone(&control),
        page: &page,
    };
    let play = async {
        let told = show.play(&ticker, args.duration, call).await;
        ended.notify_one();
        told
    };
    let (told, ending) = tokio::join!(play, daemon.run(ended.notified()));
    ticker.clear();
    let told = told?;
    stage.strike().await;
    page.conclude(&told, ending)
}

/// What came, and did not, of one thing that happened.
#[derive(Default)]
struct Heard {
    missed: u64,
    unexpected: u64,
}

struct Show<'a> {
    stage: &'a Stage,
    control: Arc<Control>,
    page: &'a Page,
}

impl Show<'_> {
    async fn play(
        &self,
        ticker: &Ticker,
        duration: Option<Duration>,
        call: impl Future<Output = ()>,
    ) -> anyhow::Result<Told> {
        let time_is_up = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let end = async {
            tokio::select! { () = call => {}, () = time_is_up => {} }
        };
        tokio::pin!(end);

        let first = tokio::select! {
            first = self.first_run() => first?,
            () = &mut end => bail!("ended before the first sync was over"),
        };
        ticker.mute();
        self.page.first_sync(&first)?;

        let mut watch = self.stage.receiver.watch();
        let spared = self.stage.tenant.credential_users();
        let mut story = Story::new(
            self.stage.tenant.directory().clone(),
            self.stage.seed,
            spared,
        );
        let (mut happenings, mut missed, mut unexpected) = (0, 0, 0);
        loop {
            let step = story.step();
            let step = step.context("making something happen in the emulated tenant")?;
            happenings += 1;
            self.page.line("in Qlik", Tone::Bold, "", &step.happening)?;
            let heard = self.hear(expected(&step.happening), &mut watch).await?;
            missed += heard.missed;
            unexpected += heard.unexpected;
            tokio::select! {
                () = &mut end => break,
                () = tokio::time::sleep(PACE) => {}
            }
        }
        self.settle().await?;
        let told = self.tell().await?;
        Ok(Told {
            happenings,
            missed,
            unexpected,
            ..told
        })
    }

    /// Syncs until all that is wanted has been delivered. Syncs also where nothing is: a sync
    /// must not make something of nothing.
    async fn hear(
        &self,
        mut open: Vec<Wanted>,
        watch: &mut broadcast::Receiver<Arc<Delivery>>,
    ) -> anyhow::Result<Heard> {
        let mut heard = Heard::default();
        let silent = open.is_empty();
        let since = Instant::now();
        loop {
            self.sync().await?;
            while let Ok(Ok(delivery)) =
                tokio::time::timeout(settle_time(&open), watch.recv()).await
            {
                self.show_delivery(&delivery, since).await?;
                let n_open = open.len();
                open.retain(|wanted| !wanted.is(&delivery));
                if open.len() == n_open {
                    heard.unexpected += 1;
                    let text = "nothing happened that would lead to this event";
                    self.page.line("false", Tone::Bad, "", text)?;
                }
                if open.is_empty() && !silent {
                    break;
                }
            }
            if open.is_empty() {
                break;
            }
            if since.elapsed() > DEADLINE {
                heard.missed += 1;
                let text = "no event came for it";
                self.page.line("missed", Tone::Bad, "", text)?;
                break;
            }
        }
        if silent {
            let text = "its time moved and nothing else: nobody is told";
            self.page.line("no event", Tone::Dim, "", text)?;
        }
        Ok(heard)
    }

    /// Waits for the run that the daemon does by itself when it starts.
    async fn first_run(&self) -> anyhow::Result<Run> {
        loop {
            if let Reply::Runs(runs) = self
                .ask(Request::Runs {
                    tenant: None,
                    limit: 1,
                })
                .await?
                && let Some(run) = runs.into_iter().next()
                && run.outcome != Outcome::Running
            {
                return Ok(run);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn sync(&self) -> anyhow::Result<()> {
        let tenant = TenantName(TENANT.to_owned());
        match self
            .ask(Request::Sync {
                tenant,
                mode: Mode::Commit,
            })
            .await?
        {
            Reply::Synced(row) if row.run.outcome == Outcome::Succeeded => Ok(()),
            Reply::Synced(row) => bail!("a sync ended otherwise: {:?}", row.run.outcome),
            other => super::unexpected(&other),
        }
    }

    async fn show_delivery(&self, delivery: &Delivery, since: Instant) -> anyhow::Result<()> {
        let Some(seq) = delivery.sequence else {
            return Ok(());
        };
        let Reply::Event { row: Some(row), .. } = self
            .ask(Request::Event {
                event: EventName::at(Seq(seq)),
            })
            .await?
        else {
            bail!("event {seq} was delivered but is not in the journal");
        };
        let Fact::Changed(change) = &row.entry.fact else {
            return Ok(());
        };
        let (tone, signature) = match delivery.verified {
            true => (Tone::Good, "verified"),
            false => (Tone::Bad, "BAD SIGNATURE"),
        };
        let about = format!(
            "{:<13} {signature}  {:>4} ms",
            delivery.event_type.as_deref().unwrap_or("?"),
            since.elapsed().as_millis(),
        );
        self.page.line("delivered", tone, &about, sentence(change))
    }

    /// Waits until the endpoint has got the whole journal.
    async fn settle(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            if let Reply::Status(status) = self.ask(Request::Status).await?
                && status
                    .endpoints
                    .iter()
                    .all(|endpoint| endpoint.settled == status.last)
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn tell(&self) -> anyhow::Result<Told> {
        let (mut events, mut after) = (0, Seq::START);
        loop {
            let request = Request::Events {
                tenant: None,
                after,
                limit: crate::control::MAX_PAGE,
            };
            let Reply::Events { rows, next, .. } = self.ask(request).await? else {
                break;
            };
            events += rows
                .iter()
                .filter(|row| row.entry.fact.event_type().is_some())
                .count();
            let Some(next) = next else { break };
            after = next;
        }
        let deliveries = self.stage.receiver.deliveries();
        let accepted = deliveries.iter().filter(|delivery| delivery.is_accepted());
        let distinct: std::collections::BTreeSet<_> =
            accepted.map(|delivery| &delivery.id).collect();
        let unverified = deliveries
            .iter()
            .filter(|delivery| !delivery.verified)
            .count();
        let last = match self
            .ask(Request::Runs {
                tenant: None,
                limit: 1,
            })
            .await?
        {
            Reply::Runs(runs) => runs.first().map_or(0, |run| run.id.0),
            other => return super::unexpected(&other),
        };
        Ok(Told {
            happenings: 0,
            missed: 0,
            unexpected: 0,
            events,
            delivered: distinct.len(),
            unverified: unverified as u64,
            runs: last,
            requests: self.stage.tenant.requests().total(),
        })
    }

    async fn ask(&self, request: Request) -> anyhow::Result<Reply> {
        Ok(self.control.answer(request).await?)
    }
}

/// How long to listen after a sync: until what is wanted has come, or briefly for what is not.
fn settle_time(open: &[Wanted]) -> Duration {
    if open.is_empty() {
        Duration::from_millis(100)
    } else {
        Duration::from_secs(2)
    }
}
