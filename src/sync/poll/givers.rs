//! Who may have made a change, if the audit log and the records do not keep pace: an event may come
//! after the change that it reports was found, and a record may show a change after its event.

use crate::connector::Connector;
use crate::store::StoreError;

use super::missed::before;
use super::poll_start::PollStart;
use super::todo::Todo;
use crate::sync::run::job::Job;

impl<C: Connector> Job<C> {
    /// Adds to new events those that records did not show yet, and to changes that were found
    /// already the events that appear only now. An event must not count as seen before that.
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
