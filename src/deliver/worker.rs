//! Carries the journal to one endpoint, entry by entry.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use super::event::Event;
use super::failure::Failure;
use super::ledger::{Ledger, Met};
use super::message::Message;
use super::observer::{Attempted, Observer};
use super::options::Endpoint;
use super::schedule::Schedule;
use super::send::Sender;
use super::verdict::{Answer, Verdict};
use crate::clock::Clock;
use crate::http_client::BuildError;
use crate::model::{Entry, Seq, Timestamp};
use crate::signal::{Shutdown, Wake};
use crate::store::{Parked, Store, StoreError};
use crate::telemetry::chain;

/// Entries read at once. Enough to make reading cheap, few enough to hold a hundred
/// endpoints' in memory.
const CHUNK: usize = 100;

/// How often the worker looks at the store by itself: a hint may be lost, and an operator
/// may have brought the endpoint back.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long an answer is still waited for when the daemon ends. Without it, every restart
/// would send one event twice.
const GRACE: Duration = Duration::from_secs(1);

/// Delivers to one endpoint, sequentially and in order.
#[derive(Debug)]
pub struct Worker {
    sender: Sender,
    ledger: Ledger,
    store: Store,
    clock: Clock,
    observer: Observer,
    drained: Drained,
}

/// What came of delivering what was due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Events delivered.
    pub delivered: u64,
    /// Events given up on.
    pub parked: u64,
    /// Events of the journal that the endpoint wants and has not got: one that waits for
    /// its next attempt, and those behind it.
    pub waiting: u64,
}

/// Why delivery to an endpoint cannot go on at all. A receiver's failures are not among
/// these.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No client could be built.
    #[error("preparing to deliver")]
    Client(#[source] BuildError),
    /// The store failed.
    #[error("keeping track of deliveries")]
    Store(#[source] StoreError),
}

impl RunError {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(source) => source.code(),
            Self::Store(source) => source.code(),
        }
    }

    /// Returns whether the process has to end.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Client(_) => false,
            Self::Store(source) => source.is_fatal(),
        }
    }
}

/// Why the worker stopped sending.
enum Rest {
    /// Everything is settled.
    Idle,
    /// The next attempt is due then.
    Until(Timestamp),
    /// The endpoint gets nothing any more.
    Disabled,
    /// The end was called for.
    Ended,
}

/// How one entry went.
enum Step {
    /// It is settled; the next may follow.
    Settled,
    /// It is not.
    Stopped,
}

impl Worker {
    /// Prepares to deliver. An endpoint that was never seen before starts behind the
    /// journal's present end, so open workers before the first run of the process.
    pub async fn open(
        endpoint: &Endpoint,
        store: Store,
        clock: Clock,
        observer: Observer,
    ) -> Result<Self, RunError> {
        let mut knowing = endpoint.clone();
        knowing.know_tenants(&store);
        let sender = Sender::new(&knowing).map_err(RunError::Client)?;
        let name = endpoint.name();
        let (mut ledger, met) = Ledger::open(store.clone(), name.clone())
            .await
            .map_err(RunError::Store)?;
        let settled = ledger.cursor().settled;
        match met {
            Met::Known => {}
            Met::New => info!(
                endpoint.id = %name, event.seq = settled.0,
                "Endpoint `{name}` is new; it gets what is found from now on",
            ),
            Met::Ahead => warn!(
                endpoint.id = %name, event.seq = settled.0,
                "Endpoint `{name}` was further than the journal, which must have been rebuilt; \
                 it gets what is found from now on",
            ),
        }
        let reason = ledger.cursor().disabled.as_deref();
        if reason.is_some_and(|reason| endpoint.is_of_another_url(reason)) {
            ledger.enable().await.map_err(RunError::Store)?;
            info!(
                endpoint.id = %name, event.seq = settled.next().0,
                "Endpoint `{name}` has another `url` and goes on where it stopped",
            );
        }
        Ok(Self {
            sender,
            ledger,
            store,
            clock,
            observer,
            drained: Drained::default(),
        })
    }

    /// Delivers until the end is called for.
    pub async fn run(mut self, wake: Wake, shutdown: Shutdown) -> Result<(), RunError> {
        self.log_disabled();
        loop {
            let rest = self.advance(&shutdown).await.map_err(RunError::Store)?;
            let pause = match rest {
                Rest::Ended => return Ok(()),
                Rest::Idle | Rest::Disabled => LOOK_EVERY,
                Rest::Until(due) => self.left(due).min(LOOK_EVERY),
            };
            tokio::select! {
                () = shutdown.triggered() => {}
                () = wake.woken() => {}
                () = sleep(pause) => {}
            }
            self.ledger.reload().await.map_err(RunError::Store)?;
        }
    }

    /// Delivers what is due now, and says what is left.
    pub async fn drain(mut self, shutdown: Shutdown) -> Result<Drained, RunError> {
        self.log_disabled();
        self.advance(&shutdown).await.map_err(RunError::Store)?;
        let waiting = self.count_waiting().await.map_err(RunError::Store)?;
        Ok(Drained {
            waiting,
            ..self.drained
        })
    }

    /// Delivers until there is a reason to rest. Everything is saved when it returns.
    async fn advance(&mut self, shutdown: &Shutdown) -> Result<Rest, StoreError> {
        let rest = loop {
            let cursor = self.ledger.cursor();
            if shutdown.is_triggered() {
                break Rest::Ended;
            }
            if cursor.disabled.is_some() {
                break Rest::Disabled;
            }
            if let Some(due) = cursor.due
                && !self.left(due).is_zero()
            {
                break Rest::Until(due);
            }
            let entries = self.read(cursor.settled).await?;
            if entries.is_empty() {
                break Rest::Idle;
            }
            for entry in &entries {
                match self.carry(entry, shutdown).await? {
                    Step::Settled => {}
                    Step::Stopped => break,
                }
                if shutdown.is_triggered() {
                    break;
                }
            }
            // Where nothing is sent, nothing else writes.
            if self.ledger.save_at().is_some_and(|at| at <= Instant::now()) {
                self.ledger.save().await?;
            }
        };
        self.ledger.save().await?;
        Ok(rest)
    }

    /// Carries one entry to the endpoint, if it is for it.
    async fn carry(&mut self, entry: &Entry, shutdown: &Shutdown) -> Result<Step, StoreError> {
        let Some((event_type, message)) = self.message(entry) else {
            self.ledger.pass(entry.seq);
            return Ok(Step::Settled);
        };
        let started = Instant::now();
        let Some(outcome) = self.send(message, shutdown).await? else {
            return Ok(Step::Stopped);
        };
        let verdict = Verdict::of(outcome, self.clock.now());
        self.observer.tell(&Attempted {
            endpoint: self.sender.endpoint().name(),
            seq: entry.seq,
            event_type: &event_type,
            attempt: self.ledger.cursor().attempt + 1,
            took: started.elapsed(),
            verdict: &verdict,
        });
        match verdict {
            Verdict::Delivered { .. } => {
                self.delivered(entry.seq);
                Ok(Step::Settled)
            }
            Verdict::Retry { failure, after } => self.failed(entry.seq, &failure, after).await,
            Verdict::Disable { failure } => {
                let mark = self.sender.endpoint().url_mark();
                let reason = format!("{}: {} {mark}", failure.code(), chain(&failure));
                self.ledger.disable(reason).await?;
                self.log_disabled();
                Ok(Step::Stopped)
            }
        }
    }

    fn delivered(&mut self, seq: Seq) {
        let (name, failed) = (self.sender.endpoint().name(), self.ledger.cursor().attempt);
        if failed > 0 {
            info!(
                endpoint.id = %name, event.seq = seq.0, attempt = failed + 1,
                "Endpoint `{name}` takes events again",
            );
        }
        debug!(endpoint.id = %name, event.seq = seq.0, "Delivered");
        self.drained.delivered += 1;
        self.ledger.settle(seq);
    }

    /// Settles a failed attempt: another one later, or none any more.
    async fn failed(
        &mut self,
        seq: Seq,
        failure: &Failure,
        after: Option<Duration>,
    ) -> Result<Step, StoreError> {
        let endpoint = self.sender.endpoint();
        let name = endpoint.name();
        let attempts = self.ledger.cursor().attempt.saturating_add(1);
        let now = self.clock.now();
        let Some(wait) = endpoint.schedule().wait(attempts, fastrand::f64()) else {
            error!(
                endpoint.id = %name, event.seq = seq.0, attempt = attempts,
                error.code = failure.code(), error = chain(failure), remedy = failure.remedy(),
                "Event {seq} was not delivered to `{name}` in {attempts} attempts and is parked",
            );
            self.drained.parked += 1;
            let parked = Parked {
                seq,
                reason: format!("{}: {}", failure.code(), chain(failure)),
                at: now,
                attempts,
            };
            self.ledger.park(parked).await?;
            return Ok(Step::Settled);
        };
        let wait = wait.max(after.unwrap_or_default());
        warn!(
            endpoint.id = %name, event.seq = seq.0, attempt = attempts,
            error.code = failure.code(), error = chain(failure), remedy = failure.remedy(),
            "Delivery to `{name}` failed; next try in {} s", wait.as_secs(),
        );
        self.ledger.postpone(attempts, now.plus(wait)).await?;
        Ok(Step::Stopped)
    }

    /// Makes an attempt, and writes the cursor beside it when that is due. None: the end was
    /// called for before an answer came.
    async fn send(
        &mut self,
        message: Message,
        shutdown: &Shutdown,
    ) -> Result<Option<Result<Answer, Failure>>, StoreError> {
        let Self { sender, ledger, .. } = self;
        let mut attempt = pin!(sender.attempt(message, self.clock.now()));
        loop {
            let save_at = ledger.save_at();
            tokio::select! {
                biased;
                outcome = &mut attempt => return Ok(Some(outcome)),
                () = shutdown.triggered() => return Ok(timeout(GRACE, attempt).await.ok()),
                () = reached(save_at) => {}
            }
            let mut save = pin!(ledger.save());
            tokio::select! {
                biased;
                saved = &mut save => saved?,
                outcome = &mut attempt => {
                    // Left to itself the write would be made all the same, but this process
                    // would not know that it was.
                    save.await?;
                    return Ok(Some(outcome));
                }
            }
        }
    }

    /// Returns the type and the message of an entry's event, none if it is not for this
    /// endpoint.
    fn message(&self, entry: &Entry) -> Option<(String, Message)> {
        let endpoint = self.sender.endpoint();
        if !endpoint.wants(entry) {
            return None;
        }
        let event = Event::of_entry(self.store.id(), entry)?;
        let message = endpoint.message(std::slice::from_ref(&event));
        Some((event.event_type, message))
    }

    async fn read(&self, after: Seq) -> Result<Vec<Entry>, StoreError> {
        // Asked on the spot: the common answer is that there is nothing.
        if self.store.last_seq() <= after {
            return Ok(Vec::new());
        }
        self.store
            .offload(move |store| store.entries(after, CHUNK))
            .await
    }

    async fn count_waiting(&self) -> Result<u64, StoreError> {
        let (mut after, mut waiting) = (self.ledger.cursor().settled, 0);
        loop {
            let entries = self.read(after).await?;
            let Some(last) = entries.last() else {
                return Ok(waiting);
            };
            after = last.seq;
            let endpoint = self.sender.endpoint();
            let wanted = entries.iter().filter(|entry| endpoint.wants(entry));
            waiting += wanted.map(|_| 1).sum::<u64>();
        }
    }

    /// Returns how long it is until then; nothing where the time is further off than any
    /// wait, since it was then written under a clock that was wrong.
    fn left(&self, due: Timestamp) -> Duration {
        let left = due.since(self.clock.now());
        if left > Schedule::LONGEST_WAIT {
            Duration::ZERO
        } else {
            left
        }
    }

    fn log_disabled(&self) {
        let (name, cursor) = (self.sender.endpoint().name(), self.ledger.cursor());
        if let Some(reason) = &cursor.disabled {
            error!(
                endpoint.id = %name, event.seq = cursor.settled.next().0, error = reason.as_str(),
                "Endpoint `{name}` is disabled and gets no events; another `url`, be it the same \
                 with `#again` at its end, brings it back where it stopped",
            );
        }
    }
}

async fn reached(at: Option<Instant>) {
    match at {
        // A timer only looks at its clock once in a millisecond, and an attempt may take less:
        // a moment that has come must not wait for one.
        Some(at) if at <= Instant::now() => {}
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
