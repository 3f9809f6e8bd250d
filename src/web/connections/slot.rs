//! What a connection is doing, as those who decide which one to close see it.

use std::fmt;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::lock::lock;

/// What is known of a connection outside of its task.
pub(super) struct Slot {
    doing: Mutex<Doing>,
    pub(super) left: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// It has waited for a head since then.
    Waiting(Instant),
    /// It answers a request.
    Answering,
    /// It was told to close.
    Leaving,
}

impl Slot {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            doing: Mutex::new(Doing::Waiting(now)),
            left: Notify::new(),
        }
    }

    pub(super) fn waits_since(&self) -> Option<Instant> {
        match *self.doing() {
            Doing::Waiting(since) => Some(since),
            Doing::Answering | Doing::Leaving => None,
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        *self.doing() == Doing::Leaving
    }

    pub(super) fn leave(&self) {
        *self.doing() = Doing::Leaving;
        self.left.notify_one();
    }

    /// Notes what the connection does now. A connection that was told to close keeps that state.
    pub(super) fn does(&self, now: Doing) {
        let mut doing = self.doing();
        if *doing != Doing::Leaving {
            *doing = now;
        }
    }

    fn doing(&self) -> MutexGuard<'_, Doing> {
        lock(&self.doing)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&*self.doing()).finish()
    }
}
