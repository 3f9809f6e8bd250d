//! Answers questions about the journal, page by page.

use serde::{Deserialize, Serialize};

use crate::model::{Change, Entry, Fact, Id, Kind, Record, Seq, TenantName, Timestamp};
use crate::store::{Item, Known, StoreError};

use super::deliveries::first_since;
use super::meanings::is_called;
use super::reading::Reading;
use super::{ControlError, EventName, EventRow, MAX_PAGE, Reply};

/// Entries that one question reads at the most: of many, few may be wanted.
const MAX_READ: usize = 20_000;

/// What events are chosen by; all of it must be true of one. The default chooses all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventChoice {
    /// Of this type, `user.updated`, or of several, `user.*`, `*.deleted`.
    pub event_type: Option<String>,
    /// Of records of this kind.
    pub kind: Option<Kind>,
    /// Of this user.
    pub user: Option<Whose>,
    /// Found then or later.
    pub since: Option<Timestamp>,
}

/// A user whose events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    /// The accounts that are called so now.
    pub ids: Vec<Id>,
    /// The name, subject, e-mail address or id, as an account may have had it before.
    pub called: String,
}

/// Where a page of events begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventPage {
    /// Behind this place, in the order of the journal.
    After(Seq),
    /// Before this place, the newest first; `None` to begin from the end of the journal.
    Before(Option<Seq>),
}

/// The type of what no receiver is told: a first load, for one.
pub const MARK: &str = "mark";

/// Returns whether a type is the one that is wanted, or one of `user.*`, `*.deleted` or `*`.
pub fn is_of_type(wanted: &str, event_type: &str) -> bool {
    match (wanted.strip_suffix('*'), wanted.strip_prefix('*')) {
        (Some(begin), _) => event_type.starts_with(begin),
        (None, Some(end)) => event_type.ends_with(end),
        (None, None) => event_type == wanted,
    }
}

impl EventChoice {
    fn has(&self, entry: &Entry) -> bool {
        let Self {
            event_type,
            kind,
            user,
            since,
        } = self;
        let change = match &entry.fact {
            Fact::Changed(change) => Some(change),
            Fact::Loaded { .. }
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::Unreadable
            | Fact::HistoryLost(_) => None,
        };
        let is_of = |kind: Kind| change.is_some_and(|change| change.kind() == kind);
        let is_typed =
            |wanted: &String| is_of_type(wanted, entry.fact.event_type().unwrap_or(MARK));
        event_type.as_ref().is_none_or(is_typed)
            && kind.is_none_or(is_of)
            && since.is_none_or(|since| entry.at >= since)
            && user
                .as_ref()
                .is_none_or(|whose| change.is_some_and(|change| whose.is_of(change)))
    }
}

impl Whose {
    fn is_of(&self, change: &Change) -> bool {
        let is_named =
            |record: Option<&Record>| record.is_some_and(|it| is_called(it, &self.called));
        change.kind() == Kind::User
            && (self.ids.contains(change.id())
                || is_named(change.before())
                || is_named(change.after()))
    }
}

impl Reading<'_> {
    /// Reads a page of the journal. It ends where enough were read, wanted or not, so that one
    /// question has a bound. `tenants` are those that are wanted; `None` for all, and what is of none.
    pub(super) fn events(
        &self,
        tenants: Option<&[&Known]>,
        choice: &EventChoice,
        page: EventPage,
        limit: usize,
    ) -> Result<Reply, StoreError> {
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
        Ok(Reply::Events {
            rows: entries.into_iter().map(|entry| self.row(entry)).collect(),
            next,
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

    /// Reads back in pages: places are dense, so that each page's beginning is known.
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
            // Where the journal was cut meanwhile, the page goes on behind its end.
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
