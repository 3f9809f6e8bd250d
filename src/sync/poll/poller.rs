//! Polls one tenant's audit log until told to end.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::connector::Connector;
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::store::StoreError;

use crate::sync::Worker;

/// The shortest time between the starts of two polls, however often they are woken.
const REST: Duration = Duration::from_secs(1);
/// The longest time over which the first polls of all tenants are spread, since sources count
/// requests by the minute.
const SPREAD: Duration = Duration::from_secs(60);
/// When to look again after a wake: the event that caused it may not be in the log yet.
const ECHOES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(25)];

impl<C: Connector> Worker<C> {
    /// Polls at its interval, and when woken, until told to end. Does nothing if the audit log
    /// should not be polled.
    pub(in crate::sync) async fn polls(
        &self,
        shutdown: &Shutdown,
        pulse: Pulse,
    ) -> Result<(), StoreError> {
        let Some(polling) = self.job.audit.polling() else {
            pulse.beside(shutdown.triggered()).await;
            return Ok(());
        };
        let mut echoes: VecDeque<Instant> = VecDeque::new();
        let mut began = Instant::now();
        // The first wait is random, so that the tenants of one daemon do not all poll in the same
        // second.
        let mut regular = began + first_wait(polling.every, fastrand::f64());
        loop {
            let next = echoes.front().map_or(regular, |echo| regular.min(*echo));
            let woken = tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = pulse.beside(tokio::time::sleep_until(next)) => Woken::No,
                () = self.job.audit.woken() => Woken::Yes,
            };
            if woken == Woken::Yes {
                tokio::select! {
                    () = shutdown.triggered() => return Ok(()),
                    () = pulse.beside(tokio::time::sleep_until(began + REST)) => {}
                }
                let now = Instant::now();
                echoes = ECHOES.iter().map(|after| now + *after).collect();
            }
            began = Instant::now();
            regular = began + polling.every;
            while echoes.front().is_some_and(|echo| *echo <= began) {
                echoes.pop_front();
            }
            // A paused tenant gets no requests.
            if self.linked.pause().is_some() {
                continue;
            }
            let mut poll = self.job.start_poll();
            tokio::select! {
                () = shutdown.triggered() => {
                    poll.abort();
                    return Ok(());
                }
                polled = pulse.beside(poll.ended()) => polled.map(|_counted| ())?,
            }
        }
    }
}

/// Returns how long the first poll waits: its interval, less a part that differs from tenant to
/// tenant. `share` is from 0 to 1.
fn first_wait(every: Duration, share: f64) -> Duration {
    every.saturating_sub(every.min(SPREAD).mul_f64(share))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_polls_are_spread_over_their_interval_or_a_minute_of_it() {
        let seconds = Duration::from_secs;
        for (every, share, expected) in [
            (seconds(60), 0.0, seconds(60)),
            (seconds(60), 0.5, seconds(30)),
            (seconds(60), 1.0, seconds(0)),
            (seconds(2), 0.5, seconds(1)),
            (seconds(3600), 0.5, seconds(3570)),
        ] {
            assert_eq!(first_wait(every, share), expected, "{every:?}, {share}");
        }
    }
}
