//! Answers questions from the store, and carries out commands.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::access::{IdleLimits, Separation};
use crate::clock::{Clock, LastClockJump};
use crate::deliver::Feed;
use crate::history::Pictures;
use crate::model::{Pause, Seq, TenantName, Timestamp};
use crate::store::{BackedUp, BackupError, Retention, Store, StoreError};
use crate::sync::TenantRegistry;
use crate::telemetry::{Crashes, LastCrash, Metrics};

use super::account_names::AccountNames;
use super::app_places::AppPlaces;
use super::error::Doing;
use super::long_lists::LongLists;
use super::meanings::Meanings;
use super::name_cache::NameCache;
use super::reading::{Context, Reading};
use super::scim::Lookups;
use super::searches::Searches;
use super::space_tables::SpaceTables;
use super::tasks::Tasks;
use super::token_cache::ApiTokens;
use super::{
    Acting, Actor, Begun, Command, ControlError, Endpoints, Exports, Query, Reloads, SentError,
    TaskId, Watched, linked,
};

/// Answers an operator's questions, and carries out an operator's commands.
#[derive(Debug)]
pub struct Control {
    pub(super) store: Store,
    pub(super) context: Context,
}

impl Control {
    /// Creates the answering side of a store. Commands can start runs of the tenants in `registry`
    /// and deliveries to `endpoints`; findings follow the rules in `separations`.
    pub fn new(
        store: Store,
        clock: Clock,
        registry: TenantRegistry,
        endpoints: Endpoints,
        retention: Retention,
        separations: Vec<Separation>,
        last_clock_jump: LastClockJump,
    ) -> Self {
        let feed = Feed::new(store.clone());
        let crashes = Crashes::new(clock.clone(), Metrics::default());
        Self {
            context: Context {
                pulled_feed: feed.apart(),
                feed,
                account_names: AccountNames::default(),
                clock,
                registry,
                endpoints,
                retention,
                separations: separations.into(),
                idle_limits: IdleLimits::default(),
                meanings: Meanings::default(),
                searches: Searches::default(),
                lookups: Lookups::default(),
                pictures: Pictures::default(),
                names: NameCache::default(),
                last_clock_jump,
                crashes,
                reloads: Reloads::default(),
                tasks: Tasks::default(),
                api_tokens: ApiTokens::default(),
                app_places: AppPlaces::default(),
                space_tables: SpaceTables::default(),
                long_lists: LongLists::default(),
                exports: Exports::default(),
                metrics: Metrics::default(),
            },
            store,
        }
    }

    /// Sets how long users may be without a session before a finding reports them.
    #[must_use]
    pub fn with_idle_limits(mut self, limits: IdleLimits) -> Self {
        self.context.idle_limits = limits;
        self
    }

    /// Sets the crashes of parts of the daemon.
    #[must_use]
    pub fn with_crashes(mut self, crashes: Crashes) -> Self {
        self.context.crashes = crashes;
        self
    }

    /// Sets the exports of the configuration.
    #[must_use]
    pub fn with_exports(mut self, exports: Exports) -> Self {
        self.context.exports = exports;
        self
    }

    /// Sets where what commands do to the store is counted.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.context.metrics = metrics;
        self
    }

    /// Sets who carries out orders to read the configuration again.
    #[must_use]
    pub fn with_reloads(mut self, reloads: Reloads) -> Self {
        self.context.reloads = reloads;
        self
    }

    /// Returns the orders to read the configuration again.
    pub fn reloads(&self) -> &Reloads {
        &self.context.reloads
    }

    /// Returns the endpoints of the configuration.
    pub fn endpoints(&self) -> &Endpoints {
        &self.context.endpoints
    }

    /// Returns the last crash of a part of the daemon; `None` if there was none.
    pub fn last_crash(&self) -> Option<LastCrash> {
        self.context.crashes.last()
    }

    /// Returns the exports of the configuration, with their states.
    pub fn exports(&self) -> &Exports {
        &self.context.exports
    }

    /// Returns how the deliveries to all endpoints read the journal. They share what is kept in
    /// memory for it.
    pub fn feed(&self) -> &Feed {
        &self.context.feed
    }

    /// Begins a backup of the store, on a thread that may block. `ended` gets its result there.
    pub fn begin_backup(
        &self,
        out: impl io::Write + Send + 'static,
        ended: impl FnOnce(Result<BackedUp, BackupError>) + Send + 'static,
    ) {
        drop(self.store.begin(move |store| ended(store.back_up(out))));
    }

    /// Waits until the journal has an entry after a position, or the store is closed.
    pub async fn grown_beyond(&self, seq: Seq) {
        self.store.grown_beyond(seq).await;
    }

    /// Returns whether the store has failed for good, so that nothing can be answered any more.
    pub fn is_broken(&self) -> bool {
        self.store.is_broken()
    }

    /// Returns the current time, by our clock.
    pub fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    /// Returns the store that answers are read from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the tenants that should be read but have never completed a first load, and whose
    /// last run failed.
    pub async fn never_read(&self) -> Result<Vec<TenantName>, StoreError> {
        let registry = self.context.registry.clone();
        let unread = self
            .store
            .offload(move |store| linked::unread(store, &registry))
            .await?;
        let failed = unread.into_iter().filter(|row| row.why.is_some());
        Ok(failed.map(|row| row.name).collect())
    }

    /// Returns the tenants that have not been read completely although at least three runs were
    /// due.
    pub fn overdue(&self) -> Vec<TenantName> {
        let linked = self.context.registry.list().into_iter();
        let overdue = linked.filter(|linked| linked.overdue().is_some());
        overdue.map(|linked| linked.name().clone()).collect()
    }

    /// Returns how long ago each tenant that has a loop was last read completely.
    pub fn ages(&self) -> Vec<(TenantName, Duration)> {
        let linked = self.context.registry.list().into_iter();
        linked
            .filter_map(|linked| Some((linked.name().clone(), linked.age()?)))
            .collect()
    }

    /// Returns the tenants that should be read, also those that the console says are not active.
    /// What is kept of others is of a tenant that left the configuration or the organization.
    pub fn present(&self) -> BTreeSet<TenantName> {
        let linked = self.context.registry.list().into_iter();
        let present = linked.filter(|linked| match linked.pause() {
            None | Some(Pause::Status(_)) => true,
            Some(Pause::Gone | Pause::LeftOut | Pause::SameAs(_) | Pause::NotConfigured) => false,
        });
        present.map(|linked| linked.name().clone()).collect()
    }

    /// Returns the tenants that are not read, for whatever reason.
    pub fn paused(&self) -> BTreeSet<TenantName> {
        let linked = self.context.registry.list().into_iter();
        let paused = linked.filter(|linked| linked.pause().is_some());
        paused.map(|linked| linked.name().clone()).collect()
    }

    /// Returns whether history was lost and no operator has acknowledged it yet.
    pub async fn has_lost_history(&self) -> Result<bool, StoreError> {
        let loss = self.store.offload(Store::open_loss).await?;
        Ok(loss.is_some())
    }

    /// Answers a question from the store. The answer to an [`AnyQuery`](super::AnyQuery) is JSON.
    pub async fn ask<Q: Query>(&self, query: Q) -> Result<Q::Answer, ControlError> {
        let context = self.context.clone();
        self.store
            .offload(move |store| answer(store, &context, query))
            .await
    }

    /// Answers a question on the thread that asks, which must be one that may block.
    pub fn ask_blocking<Q: Query>(&self, query: Q) -> Result<Q::Answer, ControlError> {
        answer(&self.store, &self.context, query)
    }

    /// Carries out a command, or starts it. The answer to an [`AnyCommand`](super::AnyCommand) is
    /// JSON.
    pub async fn order<C: Command>(
        &self,
        by: Actor,
        command: C,
    ) -> Result<C::Answer, ControlError> {
        let context = self.context.clone();
        self.store
            .offload(move |store| {
                let doing = Doing::CarryingOut(command.about());
                let answer = Reading::of(store, &context)
                    .and_then(|reading| command.carry_out(&Acting { reading, by: &by }));
                answer.map_err(|error| error.while_doing(doing))
            })
            .await
    }

    /// Waits a limited time for a task to end. Returns its progress, with its result as JSON.
    pub async fn watch(
        &self,
        task: &TaskId,
        wait: Duration,
    ) -> Result<Watched<Box<RawValue>>, ControlError> {
        self.context.tasks.watch(task, wait).await
    }

    /// Waits for the end of one task of this process. Returns its result.
    pub async fn outcome<T: DeserializeOwned>(&self, begun: Begun<T>) -> Result<T, SentError> {
        loop {
            let watched = self.watch(&begun.task, Duration::MAX).await;
            let watched = watched.map_err(|error| SentError::of(&error))?;
            if let Some(outcome) = watched.ended()? {
                let outcome = serde_json::from_str(outcome.get());
                return Ok(outcome.expect("it was written by its own type"));
            }
        }
    }
}

/// Answers a question. Blocks.
fn answer<Q: Query>(store: &Store, context: &Context, query: Q) -> Result<Q::Answer, ControlError> {
    let asking = Doing::Asking(query.about());
    let answer = Reading::of(store, context).and_then(|reading| query.answer(&reading));
    answer.map_err(|error| error.while_doing(asking))
}
