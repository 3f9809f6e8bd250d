//! What became of the rights of users, as the entries of the journal tell it.

use crate::control::reading::Reading;
use crate::control::{ControlError, Query, page, query};
use crate::history::first_since;
use crate::model::{Entry, Fact, Holder, RightChange, RightHolders, RoleId, Seq};
use crate::store::{Item, Known};

use super::change_rows::{
    AccessChangeChoice, AccessChangePosition, AccessChangeRow, AccessChanges,
};

/// How many entries are read at once, and for one question at most: only a few may match.
const AT_ONCE: usize = 500;
const MAX_READ: usize = 20_000;

impl Query for query::AccessChanges {
    type Answer = AccessChanges;

    fn about(&self) -> &'static str {
        "what became of the rights of users"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let store = reading.store;
        let tenants = reading.chosen(self.tenant.as_ref())?;
        let first = store.entries(Seq::START, 1)?.into_iter().next();
        let first = first.map(|entry| entry.at);
        let mut page = Page {
            reading,
            tenants,
            choice: &self.choice,
            limit: page::size(self.limit),
            rows: Vec::new(),
        };
        let (begin, only) = match &self.choice.event {
            Some(event) => match event.of_store(store)? {
                Item::Entry(seq) | Item::Member { entry: seq, .. } => {
                    (Seq(seq.0.saturating_sub(1)), Some(seq))
                }
                Item::Snapshot { .. } => (store.last_seq(), None),
            },
            None => (page.begin()?, None),
        };
        // An entry of which a part was given is read again.
        let mut read = match self.after {
            None => begin,
            Some(AccessChangePosition { entry, next: None }) => entry,
            Some(AccessChangePosition { entry, .. }) => Seq(entry.0.saturating_sub(1)),
        };
        let mut resume = self.after.and_then(|after| after.next);
        let mut n_read = 0;
        let next = loop {
            let entries = page.entries(only, read)?;
            let is_end = entries.len() < AT_ONCE;
            n_read += entries.len();
            let mut stopped = None;
            for entry in entries {
                read = entry.seq;
                let is_resumed = self.after.is_some_and(|it| it.entry == entry.seq);
                let from = resume.take().filter(|_| is_resumed);
                if let Some(next) = page.take(&entry, from)? {
                    stopped = Some(AccessChangePosition {
                        entry: entry.seq,
                        next: Some(next),
                    });
                    break;
                }
                if page.rows.len() >= page.limit {
                    break;
                }
            }
            let at_entry = AccessChangePosition {
                entry: read,
                next: None,
            };
            match stopped {
                Some(stopped) => break Some(stopped),
                None if only.is_some() => break None,
                None if page.rows.len() >= page.limit => {
                    break (read < store.last_seq()).then_some(at_entry);
                }
                None if is_end => break None,
                None if n_read >= MAX_READ => break Some(at_entry),
                None => {}
            }
        };
        Ok(AccessChanges {
            rows: page.rows,
            next,
            first,
        })
    }
}

/// The rows that were found so far.
struct Page<'a> {
    reading: &'a Reading<'a>,
    tenants: Vec<&'a Known>,
    choice: &'a AccessChangeChoice,
    limit: usize,
    rows: Vec<AccessChangeRow>,
}

impl Page<'_> {
    /// Returns the entry after which to begin.
    fn begin(&self) -> Result<Seq, ControlError> {
        let Some(since) = self.choice.since else {
            return Ok(Seq::START);
        };
        let store = self.reading.store;
        Ok(match first_since(store, since)? {
            Some(entry) => Seq(entry.seq.0.saturating_sub(1)),
            None => store.last_seq(),
        })
    }

    /// Reads some entries after one, or the only one that is asked about, which may have been cut and
    /// kept.
    fn entries(&self, only: Option<Seq>, after: Seq) -> Result<Vec<Entry>, ControlError> {
        let store = self.reading.store;
        Ok(match only {
            Some(seq) => store.entry(seq)?.into_iter().collect(),
            None => store.entries(after, AT_ONCE)?,
        })
    }

    /// Takes what an entry tells, its list from a user on. Returns the user to continue with; `None`
    /// if the entry is over.
    fn take(&mut self, entry: &Entry, from: Option<u64>) -> Result<Option<u64>, ControlError> {
        let Fact::RightChanged(right) = &entry.fact else {
            return Ok(None);
        };
        let account = entry.account();
        let is_of =
            |known: &&&Known| account.is_some_and(|account| account.tenant == known.tenant.id);
        let Some(known) = self.tenants.iter().find(is_of).copied() else {
            return Ok(None);
        };
        if !self.is_role(&right.role.id, &right.role.name) {
            return Ok(None);
        }
        match &right.holders {
            RightHolders::One(holder) if !self.is_user(holder) => {}
            RightHolders::One(_) | RightHolders::Everybody { .. } => {
                self.add(entry, known, right.clone());
            }
            RightHolders::Listed { list, .. } => {
                let mut number = from.unwrap_or(0);
                loop {
                    let users = self.reading.store.listed(known.no, (entry.seq, *list), number)?;
                    if users.is_empty() {
                        return Ok(None);
                    }
                    for holder in users {
                        if self.rows.len() >= self.limit {
                            return Ok(Some(number));
                        }
                        number += 1;
                        if self.is_user(&holder) {
                            let holders = RightHolders::One(holder);
                            let right = RightChange {
                                holders,
                                ..right.clone()
                            };
                            self.add(entry, known, right);
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    fn add(&mut self, entry: &Entry, known: &Known, right: RightChange) {
        self.rows.push(AccessChangeRow {
            at: entry.at,
            seq: entry.seq,
            run: entry.run(),
            tenant: known.name.clone(),
            right,
        });
    }

    fn is_role(&self, id: &RoleId, name: &str) -> bool {
        let wanted = self.choice.role.as_ref();
        wanted.is_none_or(|wanted| is_same(name, wanted) || is_same(&id.to_string(), wanted))
    }

    fn is_user(&self, holder: &Holder) -> bool {
        let Some(wanted) = &self.choice.user else {
            return true;
        };
        let names = [
            Some(&holder.subject),
            holder.name.as_ref(),
            holder.email.as_ref(),
        ];
        names
            .into_iter()
            .flatten()
            .any(|name| is_same(name, wanted))
            || is_same(&holder.id.to_string(), wanted)
    }
}

/// Returns whether two names are the same. Letter case is ignored.
fn is_same(name: &str, wanted: &str) -> bool {
    name.to_lowercase() == wanted.to_lowercase()
}
