//! Notices that somebody has set the wall clock, and logs it.
//!
//! Code that waits for a wall-clock time adjusts by itself. Operators should know why events have
//! the times that they have.

use std::convert::Infallible;
use std::time::Duration;

use tracing::warn;

use crate::clock::{Clock, LastClockJump, Steadiness};
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::telemetry::{Metrics, Sample};

/// How often the clock is checked.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The smallest step that is logged: time synchronisation moves clocks by less.
const NOTABLE: Duration = Duration::from_secs(30);

/// What the watch needs.
#[derive(Debug, Clone)]
pub(super) struct ClockWatch {
    pub(super) clock: Clock,
    pub(super) last: LastClockJump,
    pub(super) metrics: Metrics,
}

impl ClockWatch {
    /// Watches until shutdown.
    pub(super) async fn run(self, pulse: Pulse, shutdown: Shutdown) -> Result<(), Infallible> {
        tokio::select! {
            () = shutdown.triggered() => {}
            () = self.watch(&pulse) => {}
        }
        Ok(())
    }

    async fn watch(&self, pulse: &Pulse) {
        let mut steadiness = Steadiness::of(&self.clock);
        loop {
            pulse.sleep(LOOK_EVERY).await;
            let jump = steadiness.look(&self.clock);
            let Some(jump) = jump.filter(|jump| jump.size() > NOTABLE) else {
                continue;
            };
            self.last.note(jump);
            self.metrics.count(Sample::ClockJumps { direction: &jump });
            warn!(
                code = jump.code(),
                seconds = jump.size().as_secs(),
                "While the daemon ran, {jump}. Runs and deliveries continue on time, and nothing \
                 is deleted early because of it; check what sets this machine's clock"
            );
        }
    }
}
