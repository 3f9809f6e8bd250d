//! Finds who may have made a change if the audit log and the records do not keep pace: an event may
//! appear after we found the change that it reports, and a record may show a change only after its
//! event.

use crate::connector::Connector;
use crate::store::StoreError;

use super::missed::before;
use super::poll_start::PollStart;
use super::todo::Todo;
use crate::sync::run::job::Job;

impl<C: Connector> Job<C> {
    /// Adds the earlier events that records did not show yet to the new ones, and adds events that
    /// appear only now to the changes that were found before. Events must not count as seen before
    /// this is done.
    pub(super) async fn note_givers(
        &self,
        start: &PollStart,
        todo: &mut Todo,
    ) -> Result<(), StoreError> {
        let forget = before(start.now, start.polling.overlap);
        todo.add_reports(&self.audit.not_shown(forget));
        let each = todo.take_each();
        if each.is_empty() {
            return Ok(());
        }
        let tenant = start.tenant.clone();
        self.store
            .offload(move |store| store.note_late_reports(&tenant, &each))
            .await
    }
}
