//! Everything that a run of one tenant needs.

use std::sync::Arc;

use crate::clock::Clock;
use crate::connector::Connector;
use crate::model::TenantName;
use crate::signal::{Shutdown, Wake};
use crate::store::Store;
use crate::telemetry::Metrics;

use super::beside::Turns;
use super::progress::Observer;
use crate::sync::apart::readings::{Apart, Readings};
use crate::sync::poll::audit_state::AuditState;
use crate::sync::poll::polling::PollSetting;
use crate::sync::poll::sessions::SessionReadings;
use crate::sync::removals::removal_policy::RemovalPolicy;
use crate::sync::rights::Looked;
use crate::sync::sweep::answers::Answers;
use crate::sync::tenants::claims::Claim;
use crate::sync::tenants::freshness::Freshness;

/// Everything that a run of one tenant needs.
#[derive(Debug)]
pub struct Job<C> {
    pub(in crate::sync) name: TenantName,
    pub(in crate::sync) connector: Arc<C>,
    pub(in crate::sync) store: Store,
    pub(in crate::sync) clock: Clock,
    pub(in crate::sync) observer: Observer,
    pub(in crate::sync) audit: AuditState,
    pub(in crate::sync) answers: Arc<Answers>,
    pub(in crate::sync) freshness: Freshness,
    pub(in crate::sync) metrics: Metrics,
    pub(in crate::sync) removal_policy: RemovalPolicy,
    pub(in crate::sync) claim: Claim,
    /// The last journal entry that was searched for changes of rights.
    pub(in crate::sync) looked: Arc<Looked>,
    /// Lets one run of the whole tenant, and one writer, go ahead at a time.
    pub(in crate::sync) turns: Turns,
    pub(in crate::sync) spaces: Apart,
    pub(in crate::sync) licences: Apart,
    pub(in crate::sync) sessions: SessionReadings,
    /// When no run may begin any more, and each under way stops.
    pub(in crate::sync) ending: Shutdown,
}

impl<C: Connector> Job<C> {
    /// Makes the job of a tenant: `connector` reads it, `store` keeps it, `observer` follows the
    /// progress, `removal_policy` says what may be removed, and `claim` is its share in the claims
    /// of all jobs over the store.
    pub fn new(
        name: TenantName,
        connector: Arc<C>,
        store: Store,
        clock: Clock,
        observer: Observer,
        removal_policy: RemovalPolicy,
        claim: Claim,
    ) -> Self {
        Self {
            name,
            connector,
            store,
            answers: Arc::new(Answers::new(clock.clone())),
            looked: Arc::default(),
            freshness: Freshness::new(clock.clone()),
            clock,
            observer,
            audit: AuditState::new(PollSetting::Off),
            metrics: Metrics::default(),
            removal_policy,
            claim,
            turns: Turns::default(),
            spaces: Apart::of(Readings::Off),
            licences: Apart::of(Readings::Off),
            sessions: SessionReadings::Off,
            ending: Shutdown::never(),
        }
    }

    /// Makes the job poll the tenant's audit log.
    #[must_use]
    pub fn with_polls(self, poll: PollSetting) -> Self {
        Self {
            audit: AuditState::new(poll),
            ..self
        }
    }

    /// Makes the job read the tenant's spaces.
    #[must_use]
    pub fn with_spaces(self, readings: Readings) -> Self {
        Self {
            spaces: Apart::of(readings),
            ..self
        }
    }

    /// Makes the job read to whom the tenant's licence is assigned.
    #[must_use]
    pub fn with_licences(self, readings: Readings) -> Self {
        Self {
            licences: Apart::of(readings),
            ..self
        }
    }

    /// Makes the job note when users of the tenant begin sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: SessionReadings) -> Self {
        Self { sessions, ..self }
    }

    /// Makes runs stop at their next await when the process ends, whoever asked for them.
    #[must_use]
    pub fn ending_with(self, ending: Shutdown) -> Self {
        Self { ending, ..self }
    }

    /// Returns the record of when the tenant was last read as a whole.
    pub fn freshness(&self) -> Freshness {
        self.freshness.clone()
    }

    /// Returns what wakes the poll of the audit log early.
    pub fn poll_wake(&self) -> Wake {
        self.audit.poll_wake()
    }

    /// Makes the job report to these metrics.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }
}
