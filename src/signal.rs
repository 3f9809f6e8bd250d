//! How tasks are woken, and how they are told to end.

use std::sync::{Arc, LazyLock};

use tokio::sync::{Notify, watch};

/// A hint to look at the store again. Hints that come while nobody waits merge into one. A lost
/// hint costs latency, never an event, since every loop also looks at the store by itself.
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

/// Tells all tasks to end. Dropping it tells them too.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// A task's view of whether it should end.
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
    /// Makes one that never comes.
    pub fn never() -> Self {
        static NEVER: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));
        Self(NEVER.subscribe())
    }

    /// Returns whether the tasks were told to end.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the tasks are told to end. Can be dropped and awaited again.
    pub async fn triggered(&self) {
        let mut receiver = self.0.clone();
        // An error means that the trigger was dropped, which also tells the tasks to end.
        drop(receiver.wait_for(|ended| *ended).await);
    }
}
