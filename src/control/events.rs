//! Answers questions about the journal, page by page.

use crate::history::first_since;
use crate::model::{Entry, Seq, TenantName};
use crate::store::{Item, Known, StoreError};

use super::reading::Reading;
use super::{
    ControlError, EventChoice, EventPage, EventRow, Events, FoundEvent, MAX_PAGE, Page, Query,
    page, query,
};

/// How many entries one question reads at most: only a few of many may match.
const MAX_READ: usize = 20_000;

impl Query for query::Events {
    type Answer = Events;

    fn about(&self) -> &'static str {
        "events"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(self.tenant.as_ref())?;
        let tenants = self.tenant.is_some().then_some(tenants.as_slice());
        Ok(reading.events(tenants, &self.choice, self.page, page::size(self.limit))?)
    }
}

impl Query for query::Event {
    type Answer = FoundEvent;

    fn about(&self) -> &'static str {
        "events"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let store = reading.store;
        let entry = match self.event.of_store(store)? {
            Item::Entry(seq) | Item::Member { entry: seq, .. } => store.entry(seq)?,
            // A snapshot is not an entry.
            Item::Snapshot { .. } => None,
        };
        Ok(FoundEvent {
            row: entry.map(|entry| reading.row(entry)),
            first: store.first_seq()?,
        })
    }
}

impl Reading<'_> {
    /// Reads a page of the journal. It ends when enough entries were read, matching or not, so that
    /// each question is bounded. `tenants` are the tenants to include; `None` for all, and for
    /// entries without a tenant.
    fn events(
        &self,
        tenants: Option<&[&Known]>,
        choice: &EventChoice,
        page: EventPage,
        limit: usize,
    ) -> Result<Events, StoreError> {
        let (first, last) = (self.store.first_seq()?, self.store.last_seq());
        let begin = match choice.since {
            None => Some(first),
            Some(time) => first_since(self.store, time)?.map(|entry| entry.seq.max(first)),
        };
        let has = |entry: &Entry| {
            let is_theirs = tenants.is_none_or(|tenants| {
                let account = entry.account();
                let of = |known: &&Known| account.is_some_and(|it| it.tenant == known.tenant.id);
                tenants.iter().any(of)
            });
            is_theirs && choice.has(entry)
        };
        let (entries, next) = match (begin, page) {
            (None, _) => (Vec::new(), None),
            (Some(begin), EventPage::After(after)) => {
                let after = after.max(Seq(begin.0.saturating_sub(1)));
                self.forwards(after, limit, &has)?
            }
            (Some(begin), EventPage::Before(before)) => {
                let end = before.unwrap_or(self.store.last_seq().next());
                self.backwards(begin, end, limit, &has)?
            }
        };
        let rows = entries.into_iter().map(|entry| self.row(entry)).collect();
        Ok(Events {
            page: Page { rows, next },
            first,
            last,
        })
    }

    fn forwards(
        &self,
        mut after: Seq,
        limit: usize,
        has: &dyn Fn(&Entry) -> bool,
    ) -> Result<(Vec<Entry>, Option<Seq>), StoreError> {
        let mut found = Vec::new();
        for _ in 0..MAX_READ / MAX_PAGE {
            let entries = self.store.entries(after, MAX_PAGE)?;
            if entries.is_empty() {
                return Ok((found, None));
            }
            for entry in entries {
                after = entry.seq;
                if has(&entry) {
                    found.push(entry);
                }
                if found.len() == limit {
                    return Ok((found, Some(after)));
                }
            }
        }
        Ok((found, Some(after)))
    }

    /// Reads backwards in pages: positions are dense, so the start of each page is known.
    fn backwards(
        &self,
        begin: Seq,
        mut end: Seq,
        limit: usize,
        has: &dyn Fn(&Entry) -> bool,
    ) -> Result<(Vec<Entry>, Option<Seq>), StoreError> {
        let mut found = Vec::new();
        for _ in 0..MAX_READ / MAX_PAGE {
            let low = begin.max(Seq(end.0.saturating_sub(MAX_PAGE as u64)));
            if low >= end {
                return Ok((found, None));
            }
            let n_entries = usize::try_from(end.0 - low.0).unwrap_or(MAX_PAGE);
            let entries = self
                .store
                .entries(Seq(low.0.saturating_sub(1)), n_entries)?;
            // If entries were deleted meanwhile, as many entries from `end` on were read in their
            // place: these are left out.
            for entry in entries.into_iter().rev().filter(|entry| entry.seq < end) {
                let seq = entry.seq;
                if has(&entry) {
                    found.push(entry);
                }
                if found.len() == limit {
                    return Ok((found, Some(seq).filter(|seq| *seq > begin)));
                }
            }
            end = low;
        }
        Ok((found, Some(end).filter(|end| *end > begin)))
    }

    fn row(&self, entry: Entry) -> EventRow {
        let tenant = entry.account().map(|account| {
            let name = self.name_of(&account.tenant);
            name.unwrap_or_else(|| TenantName(account.name.clone()))
        });
        EventRow {
            store: self.store.id(),
            tenant,
            entry,
        }
    }
}
