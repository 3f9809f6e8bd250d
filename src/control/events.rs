//! Answers questions about the journal, page by page.

use crate::model::{Entry, Seq, TenantId};
use crate::store::{Item, Known, StoreError};

use super::answer::Reading;
use super::{ControlError, EventName, EventRow, Reply};

impl Reading<'_> {
    pub(super) fn events(
        &self,
        tenants: &[&Known],
        only_these: bool,
        after: Seq,
        limit: usize,
    ) -> Result<Reply, StoreError> {
        let entries = self.store.entries(after, limit)?;
        let next = entries.last().map(|entry| entry.seq);
        let wanted = |tenant: &TenantId| {
            !only_these || tenants.iter().any(|known| known.tenant.id == *tenant)
        };
        let rows = entries.into_iter().filter(|entry| match entry.account() {
            Some(account) => wanted(&account.tenant),
            None => !only_these,
        });
        Ok(Reply::Events {
            rows: rows.map(|entry| self.row(entry)).collect(),
            next,
            first: self.store.first_seq()?,
        })
    }

    /// Finds an event by its name. A snapshot is no entry, so that nothing is found.
    pub(super) fn event(
        &self,
        name: &EventName,
    ) -> Result<Result<Reply, StoreError>, ControlError> {
        let row = match name.of_store(self.store)? {
            Item::Entry(seq) => self.store.entry(seq),
            Item::Snapshot { .. } => Ok(None),
        };
        let reply = row.and_then(|row| {
            let row = row.map(|entry| self.row(entry));
            let first = self.store.first_seq()?;
            Ok(Reply::Event { row, first })
        });
        Ok(reply)
    }

    fn row(&self, entry: Entry) -> EventRow {
        EventRow {
            store: self.store.id(),
            entry,
        }
    }
}
