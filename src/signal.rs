//! How tasks are woken and how they are told to end.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// A hint to look at the store again. Hints that come while nobody waits fold into one;
/// a lost hint costs latency, never an event, since every loop also looks on its own.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Gives the hint to the one task that waits, or to the next that will.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for a hint.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

/// The means to tell all tasks to end. Dropping it tells them too.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// A task's view of whether it shall end.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Makes a trigger and the view that tasks clone.
pub fn shutdown() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Tells every task to end, now and in the future.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Returns whether the end was called for.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the end is called for. Can be dropped and awaited again.
    pub async fn triggered(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger is gone, which is a call to end as well.
        drop(receiver.wait_for(|ended| *ended).await);
    }
}
