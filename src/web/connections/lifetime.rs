//! How long a connection may still live, as those who answer on it see it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::slot::{Doing, Slot};

/// The end of a connection's life. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::web) struct Lifetime {
    slot: Arc<Slot>,
    end: Arc<watch::Sender<Option<Instant>>>,
}

/// An answer that is sent bit by bit. It prolongs the life of its connection as long as its client
/// reads it, and the connection is not closed in favour of others.
#[derive(Debug)]
pub(in crate::web) struct Streaming {
    lifetime: Lifetime,
    /// How long the client may read nothing.
    patience: Duration,
    /// When the answer ends in any case.
    end: Instant,
}

impl Lifetime {
    /// Begins a life that ends at a time, or never.
    pub(super) fn of(slot: Arc<Slot>, end: Option<Instant>) -> Self {
        Self {
            slot,
            end: Arc::new(watch::Sender::new(end)),
        }
    }

    /// Returns one that never ends.
    #[cfg(test)]
    pub(in crate::web) fn endless() -> Self {
        Self::of(Arc::new(Slot::new(Instant::now())), None)
    }

    /// Waits until it is over.
    pub(in crate::web) async fn over(&self) {
        let mut watched = self.end.subscribe();
        loop {
            let end = *watched.borrow_and_update();
            tokio::select! {
                () = reach(end) => return,
                // It was prolonged. The sender lives as long as this does.
                _prolonged = watched.changed() => {}
            }
        }
    }

    /// Begins an answer that is sent bit by bit, for at most `longest`. The client may stop reading
    /// for as long as `patience`.
    pub(in crate::web) fn stream(self, patience: Duration, longest: Duration) -> Streaming {
        Streaming {
            lifetime: self,
            patience,
            end: Instant::now() + longest,
        }
    }
}

impl Streaming {
    /// Notes that the client has taken what was sent before.
    pub(in crate::web) fn goes_on(&self) {
        let Self {
            lifetime: Lifetime { slot, end },
            patience,
            ..
        } = self;
        slot.does(Doing::Answering);
        let later = Instant::now() + *patience;
        end.send_if_modified(|end| match end {
            Some(end) if *end < later => {
                *end = later;
                true
            }
            Some(_) | None => false,
        });
    }

    /// Waits until the answer has to end.
    pub(in crate::web) async fn over(&self) {
        sleep_until(self.end).await;
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.lifetime.slot.does(Doing::Waiting(Instant::now()));
    }
}

/// Waits until a time; for ever if it is `None`.
pub(super) async fn reach(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
