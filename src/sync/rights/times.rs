//! A tenant before and after a run.

use crate::history::{HistoryError, Pair, Picture};
use crate::model::{Change, Fact, Record, Seq, User};
use crate::store::{Known, Store};

use super::range::{Range, UserEntries};

/// A tenant before and after a run.
pub(super) struct Times<'a> {
    pub store: &'a Store,
    pub known: &'a Known,
    pub range: &'a Range,
    /// The same as after it if no role or group changed.
    pub before: &'a Picture,
    pub after: &'a Picture,
}

impl Times<'_> {
    /// Returns a user before and after the run.
    pub fn pair(&self, entries: UserEntries) -> Result<Pair, HistoryError> {
        let UserEntries { first, last, .. } = entries;
        let change = self.change_at(first)?;
        let now = match first == last {
            true => user_of(change.after()),
            false => user_of(self.change_at(last)?.after()),
        };
        let then = user_of(change.before());
        Ok(Pair { then, now })
    }

    /// Returns the change at an entry.
    fn change_at(&self, seq: Seq) -> Result<Change, HistoryError> {
        let entry = self.store.entry(seq)?;
        match entry.map(|entry| entry.fact) {
            Some(Fact::Changed(change)) => Ok(change),
            Some(_) | None => Err(HistoryError::WasCut),
        }
    }
}

fn user_of(record: Option<&Record>) -> Option<User> {
    match record {
        Some(Record::User(user)) => Some(user.clone()),
        Some(Record::Group(_) | Record::Role(_)) | None => None,
    }
}
