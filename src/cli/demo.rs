//! `demo`: an emulated tenant, the real daemon and a receiver that verifies, in one terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::clock::Clock;
use crate::config::{self, Environment};
use crate::control::{Control, Reply, Request};
use crate::daemon::{Daemon, Ending, Hooks};
use crate::demo::{Delivery, Happening, Story};
use crate::model::{Fact, Kind, Mode, Outcome, Run, Seq, TenantName};
use crate::telemetry::{self, Filter, LogOptions};

use super::Exit;
use super::args::DemoArgs;
use super::narrate::sentence;
use super::serve::call_to_end;
use super::stage::{Stage, TENANT};
use super::style::{Colour, Tone};
use super::ticker::Ticker;

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
        ..Hooks::none()
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

/// What the demo has shown in the end.
struct Told {
    happenings: u64,
    missed: u64,
    unexpected: u64,
    events: usize,
    delivered: usize,
    unverified: u64,
    runs: u64,
    requests: u64,
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
            let step = story
                .step()
                .context("making something happen in the emulated tenant")?;
            happenings += 1;
            self.page.line("in Qlik", Tone::Bold, "", &step.happening)?;
            let mut open = expected(&step.happening);
            let silent = open.is_empty();
            let since = Instant::now();
            // Also without anything to wait for: a sync must not make something of nothing.
            loop {
                self.sync().await?;
                while let Ok(Ok(delivery)) =
                    tokio::time::timeout(settle_time(&open), watch.recv()).await
                {
                    self.show_delivery(&delivery, since).await?;
                    let n_open = open.len();
                    open.retain(|wanted| !wanted.is(&delivery));
                    if open.len() == n_open {
                        unexpected += 1;
                        self.page.line(
                            "false",
                            Tone::Bad,
                            "",
                            "nothing happened that would lead to this event",
                        )?;
                    }
                    if open.is_empty() && !silent {
                        break;
                    }
                }
                if open.is_empty() {
                    break;
                }
                if since.elapsed() > DEADLINE {
                    missed += 1;
                    self.page
                        .line("missed", Tone::Bad, "", "no event came for it")?;
                    break;
                }
            }
            if silent {
                self.page.line(
                    "no event",
                    Tone::Dim,
                    "",
                    "its time moved and nothing else: nobody is told",
                )?;
            }
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
        let Reply::Event(Some(row)) = self.ask(Request::Event { seq: Seq(seq) }).await? else {
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
                    .all(|(_, settled)| *settled == status.last)
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
            let Reply::Events { rows, next } = self.ask(request).await? else {
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

/// An event that must come of a happening.
struct Wanted {
    event_type: &'static str,
    id: String,
}

impl Wanted {
    fn new(event_type: &'static str, id: impl Display) -> Self {
        Self {
            event_type,
            id: id.to_string(),
        }
    }

    fn is(&self, delivery: &Delivery) -> bool {
        delivery.event_type.as_deref() == Some(self.event_type)
            && delivery
                .body
                .pointer("/data/record/remote_id")
                .and_then(|id| id.as_str())
                == Some(self.id.as_str())
    }
}

fn expected(happening: &Happening) -> Vec<Wanted> {
    match happening {
        Happening::Joined { user, .. } => vec![Wanted::new("user.created", user)],
        Happening::GainedRole { user, .. }
        | Happening::LostRole { user, .. }
        | Happening::Moved { user, .. }
        | Happening::Renamed { user, .. }
        | Happening::Disabled { user, .. }
        | Happening::Enabled { user, .. } => vec![Wanted::new("user.updated", user)],
        Happening::Left { user, .. } => vec![Wanted::new("user.deleted", user)],
        Happening::CameBack { before, after, .. } => {
            vec![
                Wanted::new("user.deleted", before),
                Wanted::new("user.created", after),
            ]
        }
        Happening::Touched { .. } => Vec::new(),
        Happening::GroupRenamed { group, .. } | Happening::GroupGainedRole { group, .. } => {
            vec![Wanted::new("group.updated", group)]
        }
        Happening::GroupFounded { group, .. } => vec![Wanted::new("group.created", group)],
        Happening::RoleDescribed { role, .. } => vec![Wanted::new("role.updated", role)],
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

/// What the demo prints.
struct Page {
    colour: Colour,
    clock: Clock,
}

impl Page {
    fn introduce(&self, stage: &Stage) -> anyhow::Result<()> {
        let (tenant, directory) = (&stage.tenant, stage.tenant.directory());
        let mut out = io::stdout().lock();
        let title = self.colour.paint(Tone::Bold, "qlik-roster demo");
        writeln!(out, "\n{title}   (Ctrl-C ends it)\n")?;
        let mut about = |what: &str, text: String| {
            writeln!(
                out,
                "  {}  {text}",
                self.colour.paint(Tone::Dim, format!("{what:<9}"))
            )
        };
        about(
            "tenant",
            format!(
                "{} in {}: {} users, {} groups, {} roles, emulated at {}",
                tenant.name(),
                tenant.region(),
                directory.n_users(),
                directory.groups().len() + directory.system_groups().len(),
                directory.roles().len(),
                tenant.url(),
            ),
        )?;
        about(
            "daemon",
            "the real one, with its store in a temporary folder; asked to sync after \
             each change"
                .to_owned(),
        )?;
        about(
            "receiver",
            "takes signed webhooks and verifies each with the crate \
             standardwebhooks"
                .to_owned(),
        )?;
        if !stage.limited {
            about(
                "limits",
                "off on both sides: a tenant of this size takes minutes under \
                 Qlik's"
                    .to_owned(),
            )?;
        }
        Ok(writeln!(out)?)
    }

    fn first_sync(&self, run: &Run) -> anyhow::Result<()> {
        if run.outcome != Outcome::Succeeded {
            bail!("the first sync ended otherwise: {:?}", run.outcome);
        }
        let seen = |kind| run.counts.get(&kind).map_or(0, |counts| counts.seen);
        let took = run.ended_at.unwrap_or(run.started_at).since(run.started_at);
        let about = format!("{:.1} s", took.as_secs_f64());
        let text = format!(
            "{} users, {} groups and {} roles; nobody is told who was there before",
            seen(Kind::User),
            seen(Kind::Group),
            seen(Kind::Role),
        );
        self.line("first sync", Tone::Good, &about, text)
    }

    /// Prints a line: when, what, what about it, and a sentence.
    fn line(&self, what: &str, tone: Tone, about: &str, text: impl Display) -> anyhow::Result<()> {
        let now = self.clock.now().to_string();
        let time = self
            .colour
            .paint(Tone::Dim, now.get(11..19).unwrap_or_default());
        let what = self.colour.paint(tone, format!("{what:<10}"));
        let about = self.colour.paint(Tone::Dim, format!("{about:<32}"));
        Ok(writeln!(
            io::stdout().lock(),
            "  {time}  {what}  {about}  {text}"
        )?)
    }

    fn conclude(&self, told: &Told, ending: Ending) -> anyhow::Result<Exit> {
        let Told {
            happenings,
            missed,
            unexpected,
            events,
            delivered,
            unverified,
            runs,
            requests,
        } = told;
        let all_well =
            *missed == 0 && events == delivered && *unverified == 0 && ending == Ending::Clean;
        let (tone, verdict) = match all_well {
            true => (
                Tone::Good,
                "Every change was delivered, every signature verified.",
            ),
            false => (Tone::Bad, "Something is missing: see above."),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "\n  {}", self.colour.paint(tone, verdict))?;
        writeln!(
            out,
            "  {happenings} things happened, {events} events in the journal, {delivered} delivered, \
             {unverified} with a bad signature,\n  {missed} missed, {unexpected} false;\n  {runs} syncs took {requests} requests.\n"
        )?;
        Ok(if all_well {
            Exit::Success
        } else {
            Exit::Failure
        })
    }
}
