//! Tells the service manager that the daemon is alive, as long as every loop goes round, and how it
//! is doing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info};

use crate::control::Control;
use crate::pulse::{Pulse, Pulses};
use crate::signal::Shutdown;
use crate::store::{Store, StoreError};
use crate::systemd::Systemd;

/// How often the sentence about the daemon's state is checked.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// How many signs of life are sent in the time within which one is expected.
const BEATS: u32 = 3;

/// The shortest time between two signs of life.
const SHORTEST: Duration = Duration::from_millis(10);

/// What the watchdog needs.
#[derive(Debug)]
pub(super) struct Watchdog {
    systemd: Systemd,
    pulses: Pulses,
    control: Arc<Control>,
    store: Store,
    /// What is said if all is well.
    usual: String,
}

/// Returns the pulses of all loops; nobody watches them if the service manager has no watchdog.
pub(super) fn pulses(systemd: &Systemd) -> Pulses {
    systemd.watchdog().map_or_else(Pulses::default, |limit| {
        Pulses::every((limit / BEATS).max(SHORTEST))
    })
}

impl Watchdog {
    pub(super) fn new(
        systemd: Systemd,
        pulses: Pulses,
        control: Arc<Control>,
        usual: String,
    ) -> Self {
        Self {
            systemd,
            pulses,
            store: control.store().clone(),
            control,
            usual,
        }
    }

    /// Watches until told to end. Then nobody expects a sign of life any more.
    pub(super) async fn run(self, shutdown: Shutdown) -> Result<(), Infallible> {
        if !self.systemd.listens() {
            shutdown.triggered().await;
            return Ok(());
        }
        let writing = self.pulses.of("the thread that writes to the store");
        tokio::select! {
            () = shutdown.triggered() => {}
            () = self.watch() => {}
            () = self.probe(writing) => {}
            () = self.say() => {}
        }
        Ok(())
    }

    /// Sends a sign of life as long as no loop is stuck.
    async fn watch(&self) {
        let Some(limit) = self.systemd.watchdog() else {
            return std::future::pending().await;
        };
        let mut stuck = None;
        loop {
            let found = self.pulses.stuck(limit);
            match (&stuck, &found) {
                (None, Some(name)) => error!(
                    task = name,
                    "A part of the daemon is stuck ({name}): it has not gone round for {limit:?}; \
                     the service manager is not told that the daemon is alive, so that it starts \
                     it again"
                ),
                (Some(name), None) => info!(task = name, "Every part goes round again ({name})"),
                (None, None) | (Some(_), Some(_)) => {}
            }
            if found.is_none() {
                self.systemd.is_alive();
            }
            stuck = found;
            sleep((limit / BEATS).max(SHORTEST)).await;
        }
    }

    /// Beats as long as the store can be written to.
    async fn probe(&self, pulse: Pulse) {
        let Some(limit) = self.systemd.watchdog() else {
            return std::future::pending().await;
        };
        loop {
            pulse.sleep((limit / BEATS).max(SHORTEST)).await;
            // A store that has failed ends the daemon by itself.
            drop::<Result<(), StoreError>>(self.store.offload(Store::answers).await);
        }
    }

    /// Keeps the sentence about the daemon's state up to date.
    async fn say(&self) {
        let mut said = self.usual.clone();
        loop {
            sleep(SAY_EVERY).await;
            let now = self.sentence().await;
            if now != said {
                self.systemd.status(&now);
                said = now;
            }
        }
    }

    async fn sentence(&self) -> String {
        let mut parts = vec![self.usual.clone()];
        let never = self
            .control
            .never_read()
            .await
            .map_or(0, |names| names.len());
        for (n_tenants, what) in [
            (never, "could never be read"),
            (self.control.overdue().len(), "not read in time"),
        ] {
            if n_tenants > 0 {
                parts.push(format!("tenants {what}: {n_tenants}"));
            }
        }
        if let Some(crash) = self.control.last_crash() {
            parts.push(format!("crashes of parts: {}", crash.total));
        }
        if parts.len() > 1 {
            parts.push("`qlik-roster status` says more".to_owned());
        }
        parts.join("; ")
    }
}
