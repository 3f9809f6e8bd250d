//! Keeps the store small and quick to ask while the daemon runs. A maintenance pass runs every
//! hour. Every minute, disk usage is measured and missing posting lists are built.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::Config;
use crate::model::{EndpointName, KeptFor, Lack, StoreUsage, Timestamp};
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::store::{Compacted, Done, MaintenancePass, Retention, Store, StoreError};
use crate::telemetry::{Metrics, Sample, chain};

/// How often a pass runs; the first one runs at the start.
const EVERY: Duration = Duration::from_secs(3600);

/// How often disk usage is measured.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The shortest and the longest pause between two steps. A pause is as long as the step took, so
/// that others get half of the disk.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// What maintenance needs.
#[derive(Debug, Clone)]
pub struct Maintenance {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    retention: Retention,
    endpoints: Vec<EndpointName>,
}

impl Maintenance {
    /// Prepares maintenance of the store for the configured endpoints.
    pub fn new(config: &Config, store: Store, clock: Clock, metrics: Metrics) -> Self {
        let endpoints = config.endpoints.iter();
        Self {
            store,
            clock,
            metrics,
            retention: config.retention,
            endpoints: endpoints.map(|endpoint| endpoint.name().clone()).collect(),
        }
    }

    /// Runs passes until shutdown.
    pub(super) async fn run(self, pulse: Pulse, shutdown: Shutdown) -> Result<(), StoreError> {
        let work = self.work(&pulse);
        tokio::select! {
            () = shutdown.triggered() => Ok(()),
            failed = work => failed,
        }
    }

    /// Runs a pass for as long as the time allows. The next pass does the rest, but a compaction is
    /// always completed, or a large store would never be compacted.
    pub async fn once(&self, time: Duration) -> Result<(), StoreError> {
        let pulse = Pulse::default();
        self.pass(Some(Instant::now() + time), &pulse).await
    }

    async fn work(&self, pulse: &Pulse) -> Result<(), StoreError> {
        let mut warned = Warned::default();
        loop {
            if let Err(failed) = self.pass(None, pulse).await {
                self.go_on_after(&failed)?;
                warn!(
                    code = failed.code(), error = %chain(&failed),
                    "A pass of the store's maintenance stopped early; the next one is in an hour"
                );
            }
            let due = Instant::now() + EVERY;
            while Instant::now() < due {
                match self.look().await {
                    Ok(usage) => warned.of(&usage),
                    Err(failed) => {
                        self.go_on_after(&failed)?;
                        warned.not_measured(&failed);
                    }
                }
                if let Err(failed) = self.build_postings(pulse).await {
                    self.go_on_after(&failed)?;
                    warn!(
                        code = failed.code(), error = %chain(&failed),
                        "Lists of who holds which role could not be built; questions read all \
                         users until then, and it is tried each minute"
                    );
                }
                pulse.sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Builds the posting lists that are not complete, with a pause after each step.
    async fn build_postings(&self, pulse: &Pulse) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            if !self.store.offload(Store::build_postings).await? {
                return Ok(());
            }
            pulse.sleep(began.elapsed().clamp(PAUSE.0, PAUSE.1)).await;
        }
    }

    /// Only a store that has failed for good ends the daemon. Whatever maintenance could not
    /// process now stays as it is.
    fn go_on_after(&self, failed: &StoreError) -> Result<(), StoreError> {
        match self.store.is_broken() {
            true => Err(failed.clone()),
            false => Ok(()),
        }
    }

    /// Runs a pass. If it has a time limit, nobody else uses the store, and it makes no pauses.
    async fn pass(&self, end: Option<Instant>, pulse: &Pulse) -> Result<(), StoreError> {
        let mut pass = MaintenancePass::new(
            self.store.clone(),
            self.retention,
            self.endpoints.clone(),
            self.look_at_clocks().await?,
        );
        let began_at = Instant::now();
        loop {
            let began = Instant::now();
            if end.is_some_and(|end| end < began) && !pass.is_compacting() {
                info!(
                    "Maintenance of the store did not finish in time; the next pass continues it"
                );
                break;
            }
            let (step, stepped) = self
                .store
                .offload(move |_| {
                    let step = pass.step();
                    (step, pass)
                })
                .await;
            pass = stepped;
            match step {
                Some(step) => step?,
                None => break,
            }
            if end.is_none() {
                pulse.sleep(began.elapsed().clamp(PAUSE.0, PAUSE.1)).await;
            }
        }
        self.tell(pass.done(), began_at.elapsed());
        Ok(())
    }

    /// Returns the time by which ages are measured.
    async fn look_at_clocks(&self) -> Result<Timestamp, StoreError> {
        let (wall, passed) = (self.clock.now(), self.clock.passed());
        let look = move |store: &Store| store.look_at_clocks(wall, passed);
        self.store.offload(look).await
    }

    fn tell(&self, done: Done, took: Duration) {
        let Done {
            entries,
            forgotten,
            runs,
            attempts,
            endpoints: _,
            compacted,
        } = done;
        if entries + forgotten + runs + attempts > 0 {
            info!(
                entries,
                forgotten,
                runs,
                attempts,
                "Deleted {entries} events and {runs} runs that were past their keep time"
            );
        }
        if let Some(Compacted { before, after, .. }) = compacted {
            self.metrics.count(Sample::StoreCompactions {});
            info!(
                before,
                after, "Compacted the store from {before} bytes to {after} in {took:?}"
            );
        }
    }

    /// Measures disk usage.
    async fn look(&self) -> Result<StoreUsage, StoreError> {
        let (retention, endpoints) = (self.retention, self.endpoints.clone());
        let now = self.look_at_clocks().await?;
        let (usage, n_lost) = self
            .store
            .offload(move |store| {
                let n_lost = store.open_losses()?.len();
                Ok::<_, StoreError>((store.usage(&retention, &endpoints, now)?, n_lost))
            })
            .await?;
        self.metrics.set(Sample::StoreLosses {}, n_lost as f64);
        self.measure(&usage);
        Ok(usage)
    }

    fn measure(&self, usage: &StoreUsage) {
        let set = |sample, to: f64| self.metrics.set(sample, to);
        set(Sample::StoreBytes {}, usage.disk as f64);
        set(Sample::StoreLive {}, usage.live.unwrap_or(0) as f64);
        let lacks = usage.lacks.map_or(0, Lack::missing);
        set(Sample::StoreLacks {}, lacks as f64);
        set(Sample::JournalEntries {}, usage.entries() as f64);
        let seconds = |time: Timestamp| time.millis() as f64 / 1000.0;
        set(Sample::JournalOldest {}, usage.oldest.map_or(0.0, seconds));
        for name in &self.endpoints {
            let kept_for = usage
                .kept_for
                .as_ref()
                .filter(|kept_for| kept_for.endpoint == *name);
            let since = kept_for.map_or(0.0, |kept_for| seconds(kept_for.since));
            set(Sample::JournalKept { endpoint: name }, since);
        }
    }
}

/// What we have warned about, to warn again only when it recurs.
#[derive(Debug, Default)]
struct Warned {
    kept_for: Option<EndpointName>,
    ahead: bool,
    lacks: bool,
    not_measured: bool,
}

impl Warned {
    fn of(&mut self, usage: &StoreUsage) {
        self.not_measured = false;
        if let Some(KeptFor {
            endpoint,
            settled,
            since,
        }) = &usage.kept_for
            && self.kept_for.as_ref() != Some(endpoint)
        {
            warn!(
                endpoint.id = %endpoint, event.seq = settled.0,
                "Endpoint `{endpoint}` has not received all events since {since}, which are past \
                 their keep time; the journal grows until it has received them or is disabled"
            );
        }
        self.kept_for = usage
            .kept_for
            .as_ref()
            .map(|kept_for| kept_for.endpoint.clone());
        if let Some(ahead) = usage.ahead
            && !self.ahead
        {
            warn!(
                "The last event has the time {ahead}, which is in the future: this machine's clock \
                 is behind, or was ahead when events were found. Events that are found until then \
                 get that time too, and are kept that much longer"
            );
        }
        self.ahead = usage.ahead.is_some();
        if let Some(Lack { needed, free }) = usage.lacks
            && !self.lacks
        {
            warn!(
                code = "store.no-room",
                needed,
                free,
                "The store's files take several times the size of the data in them. Compacting may \
                 need {needed} bytes of disk, and {free} are free; free some disk space. Until \
                 then it is tried each hour"
            );
        }
        self.lacks = usage.lacks.is_some();
    }

    fn not_measured(&mut self, failed: &StoreError) {
        if !self.not_measured {
            warn!(
                code = failed.code(), error = %chain(failed),
                "How much disk space the store takes could not be measured; it is tried each minute"
            );
        }
        self.not_measured = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Seq;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// A disk that is too full for a compaction cannot be had in a test of the daemon.
    #[tokio::test]
    async fn what_is_measured_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = ["hr", "crm"].map(|name| EndpointName(name.to_owned()));
        let metrics = Metrics::default();
        let maintenance = Maintenance {
            store: Store::open(folder.path()).unwrap().store,
            clock: Clock::system(),
            metrics: metrics.clone(),
            retention: Retention {
                keep: Duration::from_secs(1),
                keep_runs: 1,
            },
            endpoints: endpoints.to_vec(),
        };
        let usage = StoreUsage {
            disk: 7_000,
            aside: 0,
            live: Some(900),
            lacks: Some(Lack {
                needed: 1_500,
                free: 300,
            }),
            first: Seq(4),
            last: Seq(9),
            oldest: Some(at(60)),
            kept_for: Some(KeptFor {
                endpoint: EndpointName("crm".to_owned()),
                settled: Seq(5),
                since: at(70),
            }),
            ahead: None,
        };

        maintenance.measure(&usage);

        let [hr, crm] = &endpoints;
        for (sample, expected) in [
            (Sample::StoreBytes {}, 7_000.0),
            (Sample::StoreLive {}, 900.0),
            (Sample::StoreLacks {}, 1_200.0),
            (Sample::JournalEntries {}, 6.0),
            (Sample::JournalOldest {}, 60.0),
            (Sample::JournalKept { endpoint: hr }, 0.0),
            (Sample::JournalKept { endpoint: crm }, 70.0),
        ] {
            assert_eq!(metrics.get(sample), Some(expected), "{sample:?}");
        }
        maintenance.measure(&StoreUsage {
            lacks: None,
            ..usage
        });
        assert_eq!(metrics.get(Sample::StoreLacks {}), Some(0.0));
    }
}
