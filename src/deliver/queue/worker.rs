//! The loop of one endpoint: reads ahead, keeps messages under way, and stores their results.

mod change;
mod ending;
mod setup;

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::error;

use super::dispatch::{Dispatched, Dispatcher};
use super::endpoint_store::{EndpointStore, Wishes};
use super::feed::Feed;
use super::gauge::Gauge;
use super::rate::Rate;
use super::read_position::{Page, ReadPosition};
use super::reader;
use super::state::{Drained, Saving, State};
use crate::clock::{Clock, ClockJump, Steadiness};
use crate::deliver::endpoint::options::Endpoint;
use crate::deliver::endpoint::schedule::is_reached;
use crate::deliver::error::DeliverError;
use crate::pulse::Pulse;
use crate::signal::{Shutdown, Wake};
use crate::store::{Order, Store, StoreError};
use crate::telemetry::Metrics;
use setup::Setup;

/// How often the worker looks at the store by itself: a hint may be lost, and an operator may have
/// made a request.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How soon it looks again while there are more replays than it accepts at once, or while other
/// endpoints' messages use the memory.
const LOOK_SOON: Duration = Duration::from_millis(50);

/// How long a settled event waits to be written: several times a write's duration, so that writing
/// does not set the pace, and short enough that little is sent twice after a crash.
const SAVE_AFTER: Duration = Duration::from_millis(20);

/// Delivers to one endpoint: several messages at once, those about one record in order.
pub struct Worker {
    dispatcher: Arc<Dispatcher>,
    endpoint_store: Arc<EndpointStore>,
    state: State,
    gauge: Gauge,
    rate: Option<Rate>,
    attempts: JoinSet<Result<Dispatched, StoreError>>,
    reading: Task<Page>,
    saving: Task<()>,
    looking: Task<Wishes>,
    look_at: Instant,
    /// Whether operators have made more requests than were accepted.
    has_more: bool,
    dirty_since: Option<Instant>,
    /// The operators' orders; nothing new begins until they are carried out.
    orders: Vec<(u64, Order)>,
    /// When events began to wait for a batch to fill.
    batch_since: Option<Instant>,
    steadiness: Steadiness,
    /// Whether the receiver has consented, if it is asked; until then only one message is under
    /// way.
    is_consented: bool,
    mode: Mode,
    pulse: Pulse,
    /// Brings other settings of the endpoint while the daemon runs.
    changes: tokio::sync::watch::Receiver<Option<Endpoint>>,
    /// Settings that are taken over once nothing is under way.
    change: Option<Box<Endpoint>>,
}

/// A request to the store that runs beside the loop.
type Task<T> = Option<BoxFuture<'static, Result<T, StoreError>>>;

/// When the loop ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Never.
    Daemon,
    /// When nothing is due.
    Drain,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("endpoint", self.endpoint())
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Prepares to deliver. A new endpoint starts after the journal's present end, so open workers
    /// before the first run of the process.
    pub async fn open(
        endpoint: &Endpoint,
        feed: &Feed,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, DeliverError> {
        let Setup {
            dispatcher,
            endpoint_store,
            state,
        } = Box::pin(Setup::of(endpoint, feed, clock.clone())).await?;
        Ok(Self {
            steadiness: Steadiness::of(&clock),
            gauge: Gauge::new(metrics, endpoint.name()),
            rate: endpoint.flow().max_per_second.map(Rate::per_second),
            is_consented: endpoint.handshake().is_none(),
            dispatcher,
            endpoint_store,
            state,
            attempts: JoinSet::new(),
            reading: None,
            saving: None,
            looking: None,
            look_at: Instant::now(),
            has_more: false,
            dirty_since: None,
            orders: Vec::new(),
            batch_since: None,
            mode: Mode::Daemon,
            pulse: Pulse::default(),
            changes: tokio::sync::watch::Sender::new(None).subscribe(),
            change: None,
        })
    }

    /// Makes the loop follow changes of its endpoint's settings.
    #[must_use]
    pub fn following(self, changes: tokio::sync::watch::Receiver<Option<Endpoint>>) -> Self {
        Self { changes, ..self }
    }

    /// Makes the loop show that it goes round.
    #[must_use]
    pub fn watched(self, pulse: Pulse) -> Self {
        Self { pulse, ..self }
    }

    /// Delivers until told to end.
    pub async fn run(mut self, wake: Wake, shutdown: Shutdown) -> Result<(), DeliverError> {
        self.log_disabled();
        self.work(&wake, &shutdown)
            .await
            .map_err(DeliverError::Store)
    }

    /// Delivers what is due now, and returns what was delivered and what is left.
    pub async fn drain(mut self, shutdown: Shutdown) -> Result<Drained, DeliverError> {
        self.log_disabled();
        self.mode = Mode::Drain;
        let worked = self.work(&Wake::default(), &shutdown).await;
        worked.map_err(DeliverError::Store)?;
        let (endpoint_store, read) = (Arc::clone(&self.endpoint_store), self.state.read());
        let count = move |store: &Store| endpoint_store.count_wanted(store, read);
        let unread = self.dispatcher.store.offload(count).await;
        let unread = unread.map_err(DeliverError::Store)?;
        Ok(Drained {
            waiting: unread + self.state.lanes.len() as u64,
            ..self.state.totals
        })
    }

    async fn work(&mut self, wake: &Wake, shutdown: &Shutdown) -> Result<(), StoreError> {
        loop {
            if shutdown.is_triggered() {
                return self.wind_down().await;
            }
            if let Some(jump) = self.steadiness.look(&self.dispatcher.clock) {
                self.follow(jump);
            }
            self.start_looking();
            self.start_saving();
            if !self.orders.is_empty() && self.is_quiet() {
                self.apply_orders().await?;
            }
            if self.change.is_some() && self.is_quiet() {
                Box::pin(self.take_change()).await?;
            }
            if self.orders.is_empty() && self.change.is_none() {
                self.dispatch();
                self.start_reading();
            }
            if self.mode == Mode::Drain && self.is_idle() {
                return Ok(());
            }
            let until = self.next_time();
            tokio::select! {
                biased;
                () = shutdown.triggered() => {}
                Some(joined) = self.attempts.join_next() => {
                    self.arrive(joined)?;
                    while let Some(joined) = self.attempts.try_join_next() {
                        self.arrive(joined)?;
                    }
                }
                page = next(&mut self.reading) => {
                    self.state.take(page?, self.dispatcher.clock.now());
                }
                saved = next(&mut self.saving) => saved?,
                wishes = next(&mut self.looking) => {
                    let Wishes { orders, replays } = wishes?;
                    self.orders = orders;
                    self.has_more = self.state.take_replays(replays, self.dispatcher.clock.now());
                    if self.has_more {
                        self.look_at = Instant::now() + LOOK_SOON;
                    }
                }
                () = wake.woken() => self.look_at = Instant::now(),
                changed = setup::next(&mut self.changes) => self.change = Some(changed),
                () = self.pulse.beside(sleep_until(until)) => {}
            }
        }
    }

    /// Adapts to a clock that was set. Waits use the wall clock, so that they outlive the process,
    /// and none may become longer because somebody set it.
    fn follow(&mut self, jump: ClockJump) {
        self.state.follow(jump, self.dispatcher.clock.now());
    }

    /// Begins every message that may begin.
    fn dispatch(&mut self) {
        loop {
            let (now, moment) = (self.dispatcher.clock.now(), Instant::now());
            let n_ready = self.state.lanes.n_ready(now);
            if n_ready == 0 {
                self.batch_since = None;
                return;
            }
            let is_limited = self
                .rate
                .as_ref()
                .is_some_and(|rate| rate.wait(moment).is_some());
            let waits_for_consent = !self.is_consented && self.state.is_sending();
            let waits = is_limited
                || waits_for_consent
                || self.waits_for_another()
                || self.waits_for_capacity();
            if waits || !self.state.may_send(now) {
                return;
            }
            let max = match self.endpoint().batching() {
                None => 1,
                Some(batching) => {
                    let since = *self.batch_since.get_or_insert(moment);
                    let fills = self.mode == Mode::Daemon
                        && !self.state.lanes.fills(batching.max, now)
                        && moment < since + batching.wait;
                    if fills {
                        return;
                    }
                    batching.max
                }
            };
            let deliveries = self.state.next(max, now);
            if deliveries.is_empty() {
                return;
            }
            self.batch_since = None;
            if let Some(rate) = &mut self.rate {
                rate.take(moment);
            }
            let weight = deliveries.iter().map(|delivery| delivery.weight).sum();
            let load = self.dispatcher.feed.load(weight);
            let dispatching = Arc::clone(&self.dispatcher).dispatch(deliveries);
            self.attempts.spawn(async move {
                let dispatched = dispatching.await;
                drop(load);
                dispatched
            });
        }
    }

    /// Returns whether the next probe should wait for what is being read: everything here has
    /// failed before, and one of these events may be what the endpoint fails on.
    fn waits_for_another(&self) -> bool {
        self.state.probe_due().is_some() && self.state.lanes.is_all_suspect() && self.may_read()
    }

    /// Returns whether the messages of all endpoints use all the memory that they may. One message
    /// may always be under way, whatever the others do.
    fn waits_for_capacity(&self) -> bool {
        self.state.is_sending() && !self.dispatcher.feed.may_send()
    }

    fn arrive(
        &mut self,
        joined: Result<Result<Dispatched, StoreError>, JoinError>,
    ) -> Result<(), StoreError> {
        let dispatched = match joined {
            Ok(dispatched) => dispatched?,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_cancelled) => return Ok(()),
            },
        };
        let (now, moment) = (self.dispatcher.clock.now(), Instant::now());
        if let Some(grant) = dispatched.granted {
            self.is_consented = true;
            if let Some(per_minute) = grant.per_minute {
                let mut rate = Rate::per_minute(per_minute).slower(self.rate.take());
                // Counts the message that was sent with the request for consent.
                rate.take(moment);
                self.rate = Some(rate);
            }
        }
        self.state.came_back(dispatched.n_events());
        self.state.gone(dispatched.gone, now);
        for (n, ended) in dispatched.ended.into_iter().enumerate() {
            // The first message was counted when it was sent.
            if let (Some(rate), true) = (&mut self.rate, n > 0) {
                rate.take(moment);
            }
            self.gauge.count(&ended);
            self.state.ended(ended, now, moment);
        }
        Ok(())
    }

    /// Returns whether something is being read, or could be.
    fn may_read(&self) -> bool {
        self.reading.is_some() || self.unread().is_some()
    }

    /// Returns the position from which there is something to read.
    fn unread(&self) -> Option<ReadPosition> {
        self.state.reads_from().filter(|from| match from {
            // Asked here, without reading: usually there is nothing new.
            ReadPosition::Journal(after) => self.dispatcher.store.last_seq() > *after,
            ReadPosition::Records { .. } | ReadPosition::Members { .. } => true,
        })
    }

    fn start_reading(&mut self) {
        if self.reading.is_some() {
            return;
        }
        let Some(from) = self.unread() else {
            return;
        };
        let dispatcher = Arc::clone(&self.dispatcher);
        let read = move |_: &Store| reader::read(&dispatcher.feed, &dispatcher.endpoint, from);
        self.reading = Some(Box::pin(self.dispatcher.store.begin(read)));
    }

    fn start_saving(&mut self) {
        if self.saving.is_some() || !self.state.is_dirty() {
            return;
        }
        let moment = Instant::now();
        let since = *self.dirty_since.get_or_insert(moment);
        if !self.state.is_urgent() && moment < since + SAVE_AFTER {
            return;
        }
        self.dirty_since = None;
        let writes = self.state.progress();
        self.gauge
            .tell(&self.state, self.dispatcher.store.last_seq());
        let endpoint_store = Arc::clone(&self.endpoint_store);
        let write = move |store: &Store| endpoint_store.write(store, writes);
        self.saving = Some(Box::pin(self.dispatcher.store.begin(write)));
    }

    fn start_looking(&mut self) {
        if !self.may_look() || Instant::now() < self.look_at {
            return;
        }
        let from = self.state.look_for_replays();
        self.gauge
            .tell(&self.state, self.dispatcher.store.last_seq());
        self.look_at = Instant::now() + LOOK_EVERY;
        let endpoint_store = Arc::clone(&self.endpoint_store);
        let look = move |store: &Store| endpoint_store.wishes(store, from);
        self.looking = Some(Box::pin(self.dispatcher.store.begin(look)));
    }

    /// Returns whether we may look for operators' requests. A replay that has ended would be taken
    /// for a new one as long as its row is there.
    fn may_look(&self) -> bool {
        let saving = match &self.saving {
            Some(_) => Saving::UnderWay,
            None => Saving::Done,
        };
        self.looking.is_none() && self.orders.is_empty() && !self.state.has_unsaved_replays(saving)
    }

    /// Carries out what was ordered, and starts again from what is stored.
    async fn apply_orders(&mut self) -> Result<(), StoreError> {
        let orders = std::mem::take(&mut self.orders);
        let (endpoint_store, now) = (
            Arc::clone(&self.endpoint_store),
            self.dispatcher.clock.now(),
        );
        let applied = move |store: &Store| {
            endpoint_store.apply_orders(store, &orders)?;
            endpoint_store.state(store, now)
        };
        let mut state = self.dispatcher.store.offload(applied).await?;
        state.totals = self.state.totals;
        self.state = state;
        self.gauge
            .tell(&self.state, self.dispatcher.store.last_seq());
        self.look_at = Instant::now();
        Ok(())
    }

    /// Returns whether nothing is under way and everything is stored.
    fn is_quiet(&self) -> bool {
        self.attempts.is_empty()
            && self.reading.is_none()
            && self.saving.is_none()
            && self.looking.is_none()
            && !self.state.is_dirty()
    }

    /// Returns whether nothing will happen until something is due.
    fn is_idle(&mut self) -> bool {
        let now = self.dispatcher.clock.now();
        let looks = self.look_at <= Instant::now();
        let sends = self.state.lanes.n_ready(now) > 0 && self.state.may_send(now);
        let wants = !self.orders.is_empty() || self.has_more;
        self.is_quiet() && !wants && !looks && !sends
    }

    /// Returns when to check again whether something may begin.
    fn next_time(&mut self) -> Instant {
        let (now, moment) = (self.dispatcher.clock.now(), Instant::now());
        let mut times = vec![moment + LOOK_EVERY];
        times.extend(self.may_look().then_some(self.look_at));
        times.extend(self.dirty_since.map(|since| since + SAVE_AFTER));
        let due = [self.state.lanes.next_due(), self.state.probe_due()];
        let due = due
            .into_iter()
            .flatten()
            .filter(|due| !is_reached(*due, now));
        times.extend(due.map(|due| moment + due.since(now)));
        if self.state.lanes.n_ready(now) > 0 {
            times.extend(self.waits_for_capacity().then_some(moment + LOOK_SOON));
            times.extend(self.rate.as_ref().and_then(|rate| rate.wait(moment)));
            let batching = self.endpoint().batching();
            times.extend(
                self.batch_since
                    .zip(batching)
                    .map(|(since, batching)| since + batching.wait),
            );
        }
        times.into_iter().min().unwrap_or(moment)
    }

    fn endpoint(&self) -> &Endpoint {
        &self.dispatcher.endpoint
    }

    fn log_disabled(&self) {
        let name = self.endpoint().name();
        if let Some(disabled) = self.state.disabled() {
            error!(
                endpoint.id = %name, error = disabled.reason.as_str(),
                "Endpoint `{name}` is disabled and gets no events; `qlik-roster endpoints enable \
                 {name}` lets it continue where it stopped",
            );
        }
    }
}

/// Waits for a task; for ever if there is none.
async fn next<T>(task: &mut Task<T>) -> Result<T, StoreError> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let outcome = running.await;
    *task = None;
    outcome
}

#[cfg(test)]
mod tests;
