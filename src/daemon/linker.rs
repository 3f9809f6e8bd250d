//! Links a tenant: creates its connection, job and loop, and adds it to the registry.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::TenantConfig;
use crate::pulse::Pulses;
use crate::signal::Shutdown;
use crate::store::Store;
use crate::sync::{
    self, Claimant, Claims, Job, Linked, Progress, Runner, TenantRegistry, Underway, Worker,
};
use crate::telemetry::{Crashes, Metrics, Sample};

use super::source::{BuildError, Source, Sources, connect};
use super::wakes::Wakes;

/// What all tenants share. Tenants may be added while the process runs.
#[derive(Debug, Clone)]
pub struct Linker {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) wakes: Wakes,
    pub(super) observer: sync::Observer,
    pub(super) claims: Claims,
    pub(super) registry: TenantRegistry,
    pub(super) jitter: std::time::Duration,
    pub(super) metrics: Metrics,
    pub(super) ending: Shutdown,
    pub(super) crashes: Crashes,
    pub(super) pulses: Pulses,
    pub(super) sources: Sources,
}

impl Linker {
    /// Links a tenant. It is read by its loop, or when somebody asks for it.
    pub(super) fn link(&self, tenant: &TenantConfig) -> Result<Worker<Source>, BuildError> {
        let source = connect(tenant, &self.clock, &self.metrics)?;
        self.sources.add(tenant, source.clone());
        let connector = Arc::new(source);
        let (to_wake, to_tell) = (self.wakes.clone(), self.observer.clone());
        let underway = Underway::of(Arc::clone(&connector));
        let reported = underway.clone();
        let observer = sync::Observer::new(move |progress| {
            reported.report(progress);
            if progress == Progress::Committed {
                to_wake.wake_all();
            }
            to_tell.report(progress);
        });
        let claimant = Claimant {
            name: tenant.name.clone(),
            connection: tenant.connection.clone(),
            rank: tenant.rank,
            host: tenant.options.host.to_string(),
        };
        let client = tenant.options.credentials.client_id();
        let job = Job::new(
            tenant.name.clone(),
            connector,
            self.store.clone(),
            self.clock.clone(),
            observer,
            tenant.removal_policy.clone(),
            self.claims.of(claimant.clone()),
        );
        let job = job.with_polls(tenant.poll).with_spaces(tenant.spaces);
        let job = job
            .with_sessions(tenant.sessions)
            .with_licences(tenant.licences)
            .ending_with(self.ending.clone());
        let job = Arc::new(job.measured(self.metrics.clone()));
        let client = client.map(str::to_owned);
        let linked = Linked::new(claimant, client, Runner::of(Arc::clone(&job)));
        let linked = linked.watched(underway).dated(job.freshness());
        let linked = linked.with_sessions(tenant.sessions);
        let linked = Arc::new(linked.with_licences(tenant.licences));
        self.registry.add(Arc::clone(&linked));
        // Set from the start, so that an alert on the metric's age also covers a tenant that never
        // worked.
        let last_success = Sample::LastSuccess {
            tenant: &tenant.name,
        };
        if self.metrics.get(last_success).is_none() {
            self.metrics.set(last_success, 0.0);
        }
        Ok(Worker {
            job,
            linked,
            schedule: tenant.schedule.clone(),
            jitter: self.jitter,
            crashes: self.crashes.clone(),
            pulses: self.pulses.clone(),
        })
    }
}
