//! The steps of a run.

use crate::connector::Connector;
use crate::model::{Change, Run};

use super::beside::{Pen, Scope};
use super::job::Job;
use crate::sync::RunError;
use crate::sync::removals::held_plans::Unseen;

impl<C: Connector> Job<C> {
    /// Does the steps of a run, in the order in which the docs of `sync` list them. Returns what a
    /// dry run would change.
    pub(super) async fn steps(
        &self,
        run: &mut Run,
        scope: Scope,
        pen: &mut Pen<'_>,
    ) -> Result<Vec<Change>, RunError> {
        let tenant = self.identify(run).await?;
        let alone = self.turn_of(&tenant, &scope).await?;
        let context = self.context(run, tenant, &scope).await?;
        let plan = self.begin_plan(run, &context).await?;
        let mut reading = None;
        let (sweeping, unseen) = match (scope, &context.known) {
            (Scope::Records { wanted, beside }, Some(known)) => {
                let records = self.read_records(run, known.no, wanted, beside, plan);
                // Such a run has not seen any collection in full.
                (records.await?, Unseen::everything())
            }
            (Scope::All | Scope::Records { .. }, _) => {
                let listings = self.read_listings(run, &context, plan, &alone, pen);
                let mut sweeping;
                (sweeping, reading) = listings.await?;
                self.yield_to_polls(run, &context, &mut sweeping).await?;
                self.ask_for_missing(run, &context, &mut sweeping).await?;
                let unseen = self.note_seen(run, &sweeping);
                (sweeping, unseen)
            }
        };
        self.judge(run, &context, &sweeping);
        let changes = self.finish(run, &context, sweeping, unseen).await?;
        drop(reading);
        // Receivers are told nothing about a first load.
        Ok(match context.is_load() {
            true => Vec::new(),
            false => changes,
        })
    }
}
