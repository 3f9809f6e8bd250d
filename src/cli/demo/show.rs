//! Runs the demo: makes things happen, syncs them, and waits for the expected events.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

use crate::control::query::RunChoice;
use crate::view::sentence;

use crate::control::{
    self, Actor, Begun, Command, Control, EventChoice, EventName, EventPage, Face, Query, Synced,
    command, query,
};
use crate::deliver::EventFilter;
use crate::demo::{Delivery, Story};
use crate::model::{
    Fact, Kind, Mode, Outcome, Record, Role, Run, Seq, TenantName, Thousands, User, UserId,
    UserStatus, losses_in_words,
};
use crate::signal::Shutdown;

use super::board::{Ink, Person};
use super::page::Page;
use super::proof::Proof;
use super::stage::{EVENTS, Stage, TENANT};
use super::wanted::{Wanted, expected};

/// How long a change may take to arrive before the demo counts as failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long to listen for events that must not come.
const LISTEN: Duration = Duration::from_millis(100);

/// How often we ask the daemon for what we wait for.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How many deliveries of one change we show one by one; we only count the others.
const SHOWN_ALONE: usize = 3;

/// The demo while it runs.
pub(super) struct Show {
    pub(super) stage: Stage,
    pub(super) page: Arc<Page>,
    pub(super) rng: fastrand::Rng,
    control: Arc<Control>,
    watch: Option<broadcast::Receiver<Arc<Delivery>>>,
    /// Events that the receiver accepted, by id.
    taken: BTreeMap<String, u64>,
    /// How long the viewer has to read.
    between: Duration,
    ended: Shutdown,
}

impl Show {
    pub(super) fn new(
        stage: Stage,
        control: Arc<Control>,
        page: Arc<Page>,
        between: Duration,
        ended: Shutdown,
    ) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(stage.seed),
            watch: stage.watch(),
            stage,
            page,
            control,
            taken: BTreeMap::new(),
            between,
            ended,
        }
    }

    pub(super) async fn strike(self) {
        self.stage.strike().await;
    }

    /// Tells the stories, then everyday life while there is time.
    pub(super) async fn play(
        &mut self,
        proof: &mut Proof,
        duration: Option<Duration>,
    ) -> anyhow::Result<()> {
        let ended = self.ended.clone();
        let first = tokio::select! {
            first = self.first_run() => first?,
            () = ended.triggered() => bail!("ended before the first sync was over"),
        };
        if first.outcome != Outcome::Succeeded {
            bail!("the first sync ended otherwise: {:?}", first.outcome);
        }
        self.page.first_sync(&first)?;
        let flow = self.stories(proof).await?;
        if flow.is_continue() && duration.is_some() {
            self.everyday(proof).await?;
        }
        self.stage.revive_receiver().await?;
        self.settle().await?;
        self.count(proof).await
    }

    async fn everyday(&mut self, proof: &mut Proof) -> anyhow::Result<()> {
        self.page.story(super::board::STORIES.len() + 1)?;
        let text = "People join, move, marry and leave: each change is told, and nothing else is.";
        self.page.caption(text)?;
        let mut story = self.life();
        loop {
            let happening = story.step().context("making something happen")?.happening;
            proof.n_happened += 1;
            self.page.change(&happening.to_string())?;
            let wanted = expected(&happening);
            let is_silent = wanted.is_empty();
            self.await_deliveries(wanted, proof).await?;
            if is_silent {
                let text = "only its time changed: nobody is told";
                self.page.alert(Ink::Dim, "no event", text)?;
            }
            if self.pause(1).await.is_break() {
                return Ok(());
            }
        }
    }

    /// Returns everyday life in the tenant, step by step.
    pub(super) fn life(&self) -> Story {
        let (tenant, seed) = (&self.stage.tenant, self.stage.seed);
        Story::new(tenant.directory().clone(), seed, tenant.credential_users())
    }

    /// Gives the viewer this many paces to read; breaks when the demo should end.
    pub(super) async fn pause(&self, n_paces: u32) -> ControlFlow<()> {
        tokio::select! {
            biased;
            () = self.ended.triggered() => ControlFlow::Break(()),
            () = tokio::time::sleep(self.between * n_paces) => ControlFlow::Continue(()),
        }
    }

    /// Syncs until all expected events have been delivered. Syncs even if none is expected: a sync
    /// must not report a change where nothing changed.
    pub(super) async fn await_deliveries(
        &mut self,
        wanted: Vec<Wanted>,
        proof: &mut Proof,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        match self.sync().await? {
            Outcome::Succeeded => self.await_all(wanted, began, proof).await,
            other => bail!("a sync ended unexpectedly: {other:?}"),
        }
    }

    /// Waits until all expected events have been delivered, and shows it.
    pub(super) async fn await_all(
        &mut self,
        mut wanted: Vec<Wanted>,
        began: Instant,
        proof: &mut Proof,
    ) -> anyhow::Result<()> {
        let n_wanted = wanted.len();
        let mut n_shown = 0;
        loop {
            let listen = match wanted.is_empty() {
                true => LISTEN,
                false => DEADLINE.saturating_sub(began.elapsed()),
            };
            let Some(watch) = &mut self.watch else {
                bail!("something is waited for while the receiver is dead");
            };
            let Ok(Ok(delivery)) = tokio::time::timeout(listen, watch.recv()).await else {
                break;
            };
            self.tally(&delivery, proof);
            let n_before = wanted.len();
            wanted.retain(|wanted| !wanted.is(&delivery));
            if wanted.len() == n_before {
                proof.n_false += 1;
                let text = "nothing happened that would lead to this event";
                self.page.alert(Ink::Bad, "false", text)?;
            }
            n_shown += 1;
            if n_shown <= SHOWN_ALONE || !delivery.verified {
                self.show_delivery(&delivery, began).await?;
            }
            // Any further delivery would be wrong. If we expect none at all, we listen for a
            // moment.
            if wanted.is_empty() && n_wanted > 0 && n_shown >= n_wanted {
                break;
            }
        }
        if n_shown > SHOWN_ALONE {
            let n_more = Thousands((n_shown - SHOWN_ALONE) as u64);
            let text = format!("and {n_more} more");
            self.page.delivery(Ink::Good, &about("", began), &text)?;
        }
        for missed in &wanted {
            proof.n_missed += 1;
            let text = format!("no event came: {missed}");
            self.page.alert(Ink::Bad, "missed", &text)?;
        }
        Ok(())
    }

    /// Counts a delivery; an event that the receiver accepted must not come again.
    fn tally(&mut self, delivery: &Delivery, proof: &mut Proof) {
        proof.n_unverified += u64::from(!delivery.verified);
        if delivery.is_accepted() {
            let times = self.taken.entry(delivery.id.clone()).or_default();
            *times += 1;
            proof.n_twice += u64::from(*times > 1);
        }
        self.page.delivered(self.taken.len() as u64);
    }

    async fn show_delivery(&self, delivery: &Delivery, began: Instant) -> anyhow::Result<()> {
        let event_type = delivery.event_type.as_deref().unwrap_or("?");
        let Some(seq) = delivery.sequence else {
            return Ok(());
        };
        let event = EventName::at(Seq(seq));
        let Some(row) = self.ask(query::Event { event }).await?.row else {
            bail!("event {seq} was delivered but is not in the journal");
        };
        let text = match &row.entry.fact {
            Fact::Changed(change) => sentence(change),
            Fact::Held { plan, losses, .. } => {
                format!("{plan} is held: {}", losses_in_words(losses))
            }
            _other => String::new(),
        };
        let ink = match delivery.verified {
            true => Ink::Good,
            false => Ink::Bad,
        };
        let signature = match delivery.verified {
            true => "",
            false => " BAD SIGNATURE",
        };
        let about = about(event_type, began) + signature;
        Ok(self.page.delivery(ink, &about, &text)?)
    }

    /// Shows qlik-roster's copy of some users, and which of them are no longer in it.
    pub(super) async fn show_people(&self, people: &[(UserId, String)]) -> anyhow::Result<()> {
        let mut shown = Vec::new();
        for (id, name) in people {
            let asked = query::Find {
                kind: Kind::User,
                tenant: None,
                called: id.to_string(),
                after: None,
                limit: 1,
            };
            let user = self
                .ask(asked)
                .await?
                .rows
                .into_iter()
                .find_map(|row| match row.record {
                    Record::User(user) => Some(user),
                    Record::Role(_) | Record::Group(_) => None,
                });
            shown.push(person(name, user.as_ref()));
        }
        self.page.people(shown, self.n_people().await?);
        Ok(())
    }

    async fn n_people(&self) -> anyhow::Result<u64> {
        let tenants = self.ask(query::Status::default()).await?.tenants;
        Ok(tenants.iter().map(|row| row.counts[2]).sum())
    }

    /// Takes the receiver down.
    pub(super) async fn kill_receiver(&mut self) {
        self.stage.kill_receiver().await;
        self.watch = None;
    }

    /// Brings the receiver back.
    pub(super) async fn revive_receiver(&mut self) -> anyhow::Result<()> {
        self.stage.revive_receiver().await?;
        self.watch = self.stage.watch();
        Ok(())
    }

    /// Waits for the run that the daemon does on its own when it starts.
    async fn first_run(&self) -> anyhow::Result<Run> {
        let newest = query::Runs {
            tenant: None,
            which: RunChoice::All,
            before: None,
            limit: 1,
        };
        loop {
            let runs = self.ask(newest.clone()).await?.rows;
            if let Some(run) = runs.into_iter().next()
                && run.outcome != Outcome::Running
            {
                return Ok(run);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    pub(super) async fn sync(&self) -> anyhow::Result<Outcome> {
        let tenant = TenantName(TENANT.to_owned());
        let mode = Mode::Commit;
        let begun = self.order(command::Sync { tenant, mode }).await?;
        match self.outcome(begun).await? {
            Synced::Run(row) => Ok(row.run.outcome),
            Synced::Paused(pause) => bail!("the tenant is not read: {pause}"),
        }
    }

    /// Waits until the endpoint has received the whole journal.
    async fn settle(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            let status = self.ask(query::Status::default()).await?;
            let mut endpoints = status.endpoints.iter();
            if endpoints.all(|row| row.settled == status.last && row.waiting == 0) {
                break;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Counts from the journal and from what the receiver has, not from what was shown.
    async fn count(&self, proof: &mut Proof) -> anyhow::Result<()> {
        let wanted = EventFilter::parse(&EVENTS).context("reading our own events")?;
        let mut after = Seq::START;
        loop {
            let asked = query::Events {
                tenant: None,
                choice: EventChoice::default(),
                page: EventPage::After(after),
                limit: control::MAX_PAGE,
            };
            let control::Page { rows, next } = self.ask(asked).await?.page;
            let types = rows.iter().filter_map(|row| row.entry.fact.event_type());
            proof.n_events += types.filter(|it| wanted.wants(it)).count() as u64;
            let Some(next) = next else { break };
            after = next;
        }
        let deliveries = self.stage.deliveries();
        let accepted = deliveries.iter().filter(|delivery| delivery.is_accepted());
        let distinct: BTreeSet<_> = accepted.map(|delivery| &delivery.id).collect();
        proof.n_delivered = distinct.len() as u64;
        let unverified = deliveries.iter().filter(|delivery| !delivery.verified);
        proof.n_unverified = unverified.count() as u64;
        proof.n_requests = self.stage.tenant.requests().total();
        Ok(())
    }

    pub(super) async fn ask<Q: Query>(&self, query: Q) -> anyhow::Result<Q::Answer> {
        Ok(self.control.ask(query).await?)
    }

    /// Gives a command as an operator would.
    pub(super) async fn order<C: Command>(&self, command: C) -> anyhow::Result<C::Answer> {
        let by = Actor {
            name: "an operator".to_owned(),
            face: Face::Demo,
        };
        Ok(self.control.order(by, command).await?)
    }

    pub(super) async fn outcome<T: DeserializeOwned>(&self, begun: Begun<T>) -> anyhow::Result<T> {
        Ok(self.control.outcome(begun).await?)
    }
}

fn about(event_type: &str, began: Instant) -> String {
    format!("{event_type:<13} {:>5} ms", began.elapsed().as_millis())
}

/// Describes what qlik-roster knows about a user, or says that they are gone if it has no record.
fn person(name: &str, user: Option<&User>) -> Person {
    let name = name.to_owned();
    let Some(user) = user else {
        return Person {
            name,
            status: "gone".to_owned(),
            detail: String::new(),
            ink: Ink::Dim,
        };
    };
    let roles: Vec<_> = user
        .roles
        .iter()
        .flat_map(BTreeMap::values)
        .cloned()
        .collect();
    let administers = roles.iter().any(|role| role == Role::TENANT_ADMIN);
    let (status, ink) = match user.status.value {
        UserStatus::Enabled if administers => ("enabled", Ink::Bold),
        UserStatus::Enabled => ("enabled", Ink::Plain),
        UserStatus::Disabled if administers => ("disabled", Ink::Bad),
        UserStatus::Disabled => ("disabled", Ink::Dim),
        UserStatus::Pending => ("pending", Ink::Dim),
        UserStatus::UnmappedValue => ("unknown", Ink::Dim),
    };
    Person {
        name,
        status: status.to_owned(),
        detail: match roles.is_empty() {
            true => "no role".to_owned(),
            false => roles.join(", "),
        },
        ink,
    }
}
