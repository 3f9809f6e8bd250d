//! The linked tenants: how each is read, whether it is paused, and when its next run is due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use crate::lock::lock;
use crate::model::{
    AppPlace, ConnectionName, Mode, Pause, TenantId, TenantName, Timestamp, Trigger,
};
use crate::store::StoreError;

use super::runner::{Ran, Runner};
use crate::sync::{Claimant, Freshness, Moment, Rank, Readings, Report, SessionReadings, Underway};

/// The tenants of this process, by name. Clones share it. A tenant may be added at any time but
/// never leaves; one that should no longer be read is paused.
#[derive(Debug, Clone, Default)]
pub struct TenantRegistry(Arc<Mutex<BTreeMap<TenantName, Arc<Linked>>>>);

/// A tenant that is linked.
#[derive(Debug)]
pub struct Linked {
    claimant: Claimant,
    /// The OAuth client that reads it, whose own user is listed among the tenant's users.
    client: Option<String>,
    runner: Runner,
    pause: watch::Sender<Option<Pause>>,
    next: Mutex<Option<Timestamp>>,
    underway: Underway,
    freshness: Option<Freshness>,
    sessions: SessionReadings,
    licences: Readings,
}

/// How long a source may take to answer a question that an operator waits for.
const MAX_ANSWER: Duration = Duration::from_secs(10);

/// What became of a question to a source about where an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppAnswer {
    /// The source has answered.
    Place(AppPlace),
    /// The credentials are not allowed to ask.
    Refused,
    /// The source did not answer in time, or not as documented.
    NoAnswer,
    /// The tenant is paused, so nothing was asked.
    Paused,
}

/// Why there was no run.
#[derive(Debug)]
pub enum NoRun {
    /// The tenant is paused.
    Paused(Pause),
    /// The store failed.
    Store(StoreError),
}

impl TenantRegistry {
    /// Adds a tenant, and replaces one with the same name.
    pub fn add(&self, linked: Arc<Linked>) {
        self.all().insert(linked.name().clone(), linked);
    }

    /// Returns a tenant.
    pub fn get(&self, name: &TenantName) -> Option<Arc<Linked>> {
        self.all().get(name).cloned()
    }

    /// Returns all tenants, by name.
    pub fn list(&self) -> Vec<Arc<Linked>> {
        self.all().values().cloned().collect()
    }

    /// Returns all names.
    pub fn names(&self) -> Vec<TenantName> {
        self.all().keys().cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<TenantName, Arc<Linked>>> {
        lock(&self.0)
    }
}

impl Linked {
    /// Links a tenant that this runner reads; `client` is the OAuth client, if it uses one.
    pub fn new(claimant: Claimant, client: Option<String>, runner: Runner) -> Self {
        Self {
            claimant,
            client,
            runner,
            pause: watch::Sender::new(None),
            next: Mutex::default(),
            underway: Underway::default(),
            freshness: None,
            sessions: SessionReadings::Off,
            licences: Readings::Off,
        }
    }

    /// Makes the tenant report the progress of its run as `underway` tells it.
    #[must_use]
    pub fn watched(self, underway: Underway) -> Self {
        Self { underway, ..self }
    }

    /// Makes the tenant report how long ago it was last read as a whole.
    #[must_use]
    pub fn dated(self, freshness: Freshness) -> Self {
        Self {
            freshness: Some(freshness),
            ..self
        }
    }

    /// Sets whether the starts of its users' sessions are read.
    #[must_use]
    pub fn with_sessions(self, sessions: SessionReadings) -> Self {
        Self { sessions, ..self }
    }

    /// Returns whether the starts of its users' sessions are read.
    pub fn sessions(&self) -> SessionReadings {
        self.sessions
    }

    /// Makes the tenant tell how its licence is read.
    #[must_use]
    pub fn with_licences(self, licences: Readings) -> Self {
        Self { licences, ..self }
    }

    /// Returns how its licence is read while it is not paused.
    pub fn licences(&self) -> Readings {
        self.licences
    }

    /// Returns the name that the operator uses.
    pub fn name(&self) -> &TenantName {
        &self.claimant.name
    }

    /// Returns the connection that it is read through.
    pub fn connection(&self) -> &ConnectionName {
        &self.claimant.connection
    }

    /// Returns the id of the OAuth client that reads it; `None` if an API key does.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Returns the host that it is reached at.
    pub fn host(&self) -> &str {
        &self.claimant.host
    }

    /// Returns how we came to read it.
    pub fn rank(&self) -> Rank {
        self.claimant.rank
    }

    /// Returns why it is paused; `None` if it is not.
    pub fn pause(&self) -> Option<Pause> {
        self.pause.borrow().clone()
    }

    /// Pauses or resumes it. A pause because another name reads the same tenant stays: only a
    /// restart ends it.
    pub fn set_pause(&self, pause: Option<Pause>) {
        self.pause.send_if_modified(|old| {
            let stays = *old == pause || matches!(old, Some(Pause::SameAs(_)));
            if !stays {
                *old = pause;
            }
            !stays
        });
    }

    /// Returns when its next run is due; `None` if that is unknown.
    pub fn next(&self) -> Option<Timestamp> {
        *lock(&self.next)
    }

    /// Returns how far the run under way has got; `None` if there is none.
    pub fn progress(&self) -> Option<Moment> {
        self.underway.now()
    }

    /// Returns how long ago it was last read as a whole, or how long reads have been due; `None` if
    /// it is paused or no loop reads it.
    pub fn age(&self) -> Option<Duration> {
        let age = self.freshness.as_ref()?.age()?;
        Some(match self.pause() {
            Some(_) => Duration::ZERO,
            None => age,
        })
    }

    /// Returns how long it has not been read as a whole, if three or more runs were due in that
    /// time.
    pub fn overdue(&self) -> Option<Duration> {
        let freshness = self.freshness.as_ref()?;
        freshness.overdue().filter(|_| self.pause().is_none())
    }

    pub(super) fn set_next(&self, next: Option<Timestamp>) {
        *lock(&self.next) = next;
    }

    /// Waits until it is paused, or until it is resumed.
    pub(in crate::sync) async fn pause_changed(&self, paused: Paused) {
        let mut watch = self.pause.subscribe();
        // We own the sender, so it cannot be gone.
        drop(
            watch
                .wait_for(|pause| pause.is_some() == (paused == Paused::Yes))
                .await,
        );
    }

    /// Asks the source where an app of the tenant is. This takes a limited time.
    pub async fn find_app(&self, tenant: TenantId, app: String) -> AppAnswer {
        if self.pause().is_some() {
            return AppAnswer::Paused;
        }
        let answer = self.runner.find_app(tenant, app);
        let (code, answer) = match tokio::time::timeout(MAX_ANSWER, answer).await {
            Ok(Ok(place)) => return AppAnswer::Place(place),
            Ok(Err(error)) if error.is_forbidden() => (error.code(), AppAnswer::Refused),
            Ok(Err(error)) => (error.code(), AppAnswer::NoAnswer),
            Err(_elapsed) => ("timed out", AppAnswer::NoAnswer),
        };
        tracing::info!(
            tenant.name = %self.name(), error.code = code,
            "`{}` was asked where an app is, and did not say: {code}", self.name()
        );
        answer
    }

    /// Does one run, after the one under way if there is one.
    pub async fn run(&self, trigger: Trigger, mode: Mode) -> Result<Report, NoRun> {
        if let Some(pause) = self.pause() {
            return Err(NoRun::Paused(pause));
        }
        match self.runner.run(trigger, mode).await {
            Ok(Ran::Report(report)) => Ok(*report),
            Ok(Ran::Aside(other)) => {
                let pause = Pause::SameAs(other);
                self.set_pause(Some(pause.clone()));
                Err(NoRun::Paused(pause))
            }
            Err(error) => Err(NoRun::Store(error)),
        }
    }
}

/// Whether a tenant is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Paused {
    Yes,
    No,
}
