//! A store that is read to answer a question.

use std::sync::Arc;

use super::account_names::AccountNames;
use super::app_places::AppPlaces;
use super::long_lists::LongLists;
use super::meanings::Meanings;
use super::name_cache::{LentNames, NameCache};
use super::scim::Lookups;
use super::searches::Searches;
use super::space_tables::SpaceTables;
use super::tasks::Tasks;
use super::token_cache::ApiTokens;
use super::{ControlError, Endpoints, Exports, Reloads};
use crate::access::{IdleLimits, Separation};
use crate::clock::{Clock, LastClockJump};
use crate::deliver::Feed;
use crate::history::Pictures;
use crate::model::{Tenant, TenantId, TenantName};
use crate::store::{Known, Retention, Store, StoreError};
use crate::sync::TenantRegistry;
use crate::telemetry::{Crashes, Metrics};

/// What answers need besides the store.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) clock: Clock,
    pub(super) registry: TenantRegistry,
    pub(super) endpoints: Endpoints,
    pub(super) retention: Retention,
    pub(super) separations: Arc<[Separation]>,
    pub(super) idle_limits: IdleLimits,
    pub(super) meanings: Meanings,
    pub(super) searches: Searches,
    pub(super) lookups: Lookups,
    pub(super) pictures: Pictures,
    pub(super) names: NameCache,
    pub(super) last_clock_jump: LastClockJump,
    pub(super) crashes: Crashes,
    pub(super) reloads: Reloads,
    pub(super) tasks: Tasks,
    pub(super) api_tokens: ApiTokens,
    pub(super) app_places: AppPlaces,
    pub(super) space_tables: SpaceTables,
    pub(super) long_lists: LongLists,
    pub(super) feed: Feed,
    pub(super) exports: Exports,
    pub(super) metrics: Metrics,
    /// The same journal, for programs that pull events.
    pub(super) pulled_feed: Feed,
    pub(super) account_names: AccountNames,
}

#[cfg(test)]
impl Context {
    /// Makes one without tenants, endpoints and rules.
    pub(super) fn of_nothing(store: &Store) -> Self {
        let clock = Clock::system();
        Self {
            last_clock_jump: LastClockJump::of(clock.clone()),
            crashes: Crashes::new(clock.clone(), Metrics::default()),
            reloads: Reloads::default(),
            clock,
            registry: TenantRegistry::default(),
            endpoints: Endpoints::default(),
            retention: Retention {
                keep: std::time::Duration::from_secs(1),
                keep_runs: 1,
            },
            separations: Arc::from([]),
            idle_limits: IdleLimits::default(),
            meanings: Meanings::default(),
            lookups: Lookups::default(),
            searches: Searches::default(),
            pictures: Pictures::default(),
            names: NameCache::default(),
            tasks: Tasks::default(),
            api_tokens: ApiTokens::default(),
            app_places: AppPlaces::default(),
            space_tables: SpaceTables::default(),
            long_lists: LongLists::default(),
            feed: Feed::new(store.clone()),
            exports: Exports::default(),
            metrics: Metrics::default(),
            pulled_feed: Feed::new(store.clone()),
            account_names: AccountNames::default(),
        }
    }
}

/// The store, with the tenants that it knows and those of the configuration.
pub struct Reading<'a> {
    pub(super) store: &'a Store,
    pub(super) context: &'a Context,
    pub(super) tenants: Vec<Known>,
    pub(super) configured: Vec<TenantName>,
}

impl<'a> Reading<'a> {
    /// Returns the names of a tenant's roles and groups, for records that mention them.
    pub(super) fn names(&self, known: &Known) -> Result<LentNames, StoreError> {
        self.context.names.names(self.store, known)
    }

    pub(super) fn of(store: &'a Store, context: &'a Context) -> Result<Self, ControlError> {
        Ok(Self {
            store,
            context,
            tenants: store.tenants()?,
            configured: context.registry.names(),
        })
    }

    /// Returns the tenants to search, by name. A tenant that is configured but was never reached
    /// has nothing to show; a name that is not configured and not known is a mistake.
    pub(super) fn chosen(&self, wanted: Option<&TenantName>) -> Result<Vec<&Known>, ControlError> {
        let mut chosen: Vec<_> = self
            .tenants
            .iter()
            .filter(|known| wanted.is_none_or(|wanted| *wanted == known.name))
            .collect();
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        match wanted {
            Some(wanted) if chosen.is_empty() && !self.configured.contains(wanted) => {
                Err(self.unknown(wanted))
            }
            Some(_) | None => Ok(chosen),
        }
    }

    /// Returns the tenant of this name. Fails for one that was never reached: nothing is known
    /// about it.
    pub(super) fn one(&self, name: &TenantName) -> Result<&Known, ControlError> {
        let known = self.tenants.iter().find(|known| known.name == *name);
        known.ok_or_else(|| self.unknown(name))
    }

    /// Returns the operator's name for a tenant.
    pub(super) fn name_of(&self, id: &TenantId) -> Option<TenantName> {
        let known = self.tenants.iter().find(|known| known.tenant.id == *id);
        known.map(|known| known.name.clone())
    }

    pub(super) fn unknown(&self, name: &TenantName) -> ControlError {
        let stored = self.tenants.iter().map(|known| {
            let Tenant { id, name, .. } = &known.tenant;
            (&known.name, vec![name.as_str(), id.0.as_str()])
        });
        let configured = self.configured.iter().map(|name| (name, Vec::new()));
        ControlError::unknown_tenant(name, stored.chain(configured))
    }
}
