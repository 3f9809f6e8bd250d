//! Starts the readings of one tenant when they are due, until told to end.

use std::time::Duration;

use crate::connector::Connector;
use crate::model::Outcome;
use crate::pulse::Pulse;
use crate::signal::{self, Shutdown};
use crate::store::StoreError;

use super::readings::{Apart, Readings};
use crate::sync::Worker;
use crate::sync::run::running::Running;
use crate::sync::tenants::tenant_registry::Paused;

/// How often to check whether a reading is due.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The first and the longest wait after a failed reading.
const BACK_OFF: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(3600)];

impl<C: Connector> Worker<C> {
    /// Calls `start` at intervals and when woken, until told to end. Does nothing if these readings
    /// are off.
    pub(in crate::sync) async fn apart(
        &self,
        (shutdown, pulse): (&Shutdown, Pulse),
        apart: &Apart,
        start: impl Fn(Duration, Shutdown) -> Running<Outcome>,
    ) -> Result<(), StoreError> {
        let Readings::Every(every) = apart.readings else {
            pulse.beside(shutdown.triggered()).await;
            return Ok(());
        };
        let mut n_failures = 0;
        loop {
            let woken = async {
                match n_failures {
                    0 => apart.wake.woken().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = pulse.sleep(wait(n_failures)) => {}
                () = woken => {}
            }
            // A paused tenant gets no requests.
            if self.linked.pause().is_some() {
                continue;
            }
            let (stop, stopped) = signal::shutdown();
            let mut reading = start(every, stopped);
            let outcome = tokio::select! {
                () = shutdown.triggered() => {
                    reading.abort();
                    return Ok(());
                }
                () = self.linked.pause_changed(Paused::Yes) => {
                    // What it has committed stays, and the next reading continues there.
                    stop.trigger();
                    pulse.beside(reading.ended()).await?;
                    n_failures = 0;
                    continue;
                }
                outcome = pulse.beside(reading.ended()) => outcome?,
            };
            n_failures = match outcome.is_failure() {
                true => n_failures + 1,
                false => 0,
            };
        }
    }
}

/// Returns how long to wait after this many failures in a row.
fn wait(n_failures: u32) -> Duration {
    let [first, longest] = BACK_OFF;
    match n_failures.checked_sub(1) {
        None => LOOK_AGAIN,
        Some(doublings) => first
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_at_ever_longer_times_up_to_an_hour() {
        let waits: Vec<u64> = [0, 1, 2, 6, 7, 40].map(|n| wait(n).as_secs()).into();

        assert_eq!(waits, [30, 60, 120, 1_920, 3_600, 3_600]);
    }
}
