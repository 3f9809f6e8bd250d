//! Puts changes into the posting lists, in writes of a bounded size.
//!
//! The rows of the changes are deleted by the last of these writes. Until then a reader applies the
//! changes on top of the lists, which gives the same result whether they are in them or not.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::model::UserId;
use crate::store::engine::rows::compose::{Composed, Draft};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key};
use crate::store::values::head::Head;
use crate::store::values::posting::{PostingChanges, PostingList};
use crate::store::values::tenant_no::TenantNo;

use super::read;
use super::row::{self, Users};

/// How many rows of changes may gather before they are put into the lists. More would slow down
/// every question, which reads all of them; fewer would rewrite rows of several kilobytes for a few
/// bytes each.
pub const GATHERED: usize = if cfg!(test) { 3 } else { 64 };

/// The most rows of changes that are put into the lists at once. Bounds memory.
const AT_ONCE: usize = 2 * GATHERED;

/// Operations that stay free in each write for the pieces of its last row.
const SPARE: usize = 8;

/// A list, a user, and whether the user is now in the list.
type Change = (PostingList, UserId, bool);

/// Changes on their way into the lists.
pub struct Fold {
    no: TenantNo,
    changes: Peekable<IntoIter<Change>>,
    /// The rows of the changes.
    logs: Vec<Key>,
}

impl Fold {
    /// Reads the oldest changes; `None` if there are none.
    pub fn begin(db: &sled::Db, no: TenantNo) -> Result<Option<Self>, StoreError> {
        let mut all = PostingChanges::new();
        let mut logs = Vec::new();
        for row in scan::prefix(db, &keys::posting_logs(no)).take(AT_ONCE) {
            let (key, value) = row?;
            read::merge(&mut all, read::log(&key, &value)?, |_| true);
            logs.push(key.to_vec());
        }
        if logs.is_empty() {
            return Ok(None);
        }
        let mut changes: Vec<Change> = Vec::new();
        for (list, users) in all {
            let of_list = users.into_iter();
            changes.extend(of_list.map(|(user, is_in)| (list.clone(), user, is_in)));
        }
        Ok(Some(Self {
            no,
            changes: changes.into_iter().peekable(),
            logs,
        }))
    }

    /// Composes the next write; `None` if all are written.
    pub fn step(&mut self, db: &sled::Db, head: &Head) -> Result<Option<Composed>, StoreError> {
        let mut draft = Draft::default();
        while draft.n_free() > SPARE {
            let Some((list, user, _)) = self.changes.peek() else {
                break;
            };
            let (list, user) = (list.clone(), user.clone());
            let limit = (draft.n_free() - SPARE) * row::FEWEST;
            if self.change(db, &mut draft, (&list, &user), limit)? == limit {
                // The rest of this row is read again after the write.
                return Ok(Some(draft.finish(*head)));
            }
        }
        if self.changes.peek().is_none() {
            let n_deleted = self.logs.len().min(draft.n_free());
            for key in self.logs.drain(..n_deleted) {
                draft.set(key, None);
            }
        }
        Ok((draft.len() > 0).then(|| draft.finish(*head)))
    }

    /// Applies at most `limit` changes to the row that the user `first` belongs to. Returns how
    /// many.
    fn change(
        &mut self,
        db: &sled::Db,
        draft: &mut Draft,
        (list, first): (&PostingList, &UserId),
        limit: usize,
    ) -> Result<usize, StoreError> {
        let no = self.no;
        let prefix = keys::posting_list(no, list);
        let (key, value) = scan::holding(db, prefix.clone(), keys::posting(no, list, first))?;
        let end = scan::key_after(db, &prefix, &key)?;
        let mut users = match value {
            Some(value) => Users::read(&key, &value)?,
            None => Users::default(),
        };
        let is_within = |(of, user, _): &Change| {
            let is_before = |end: &Key| keys::posting(no, list, user) < *end;
            of == list && end.as_ref().is_none_or(is_before)
        };
        let mut within = Vec::new();
        while within.len() < limit
            && let Some((_, user, is_in)) = self.changes.next_if(is_within)
        {
            within.push((user, is_in));
        }
        let n_within = within.len();
        if users.apply(within) {
            write(draft, (no, list), key, users);
        }
        Ok(n_within)
    }
}

/// Writes the users of a row, divided if they are too many.
fn write(draft: &mut Draft, (no, list): (TenantNo, &PostingList), key: Key, users: Users) {
    if users.0.is_empty() {
        return draft.set(key, None);
    }
    for (index, piece) in users.divide().into_iter().enumerate() {
        // The first piece keeps the row's key, which may begin before its first user.
        let key = match piece.0.first() {
            Some(first) if index > 0 => keys::posting(no, list, first),
            Some(_) | None => key.clone(),
        };
        let value = piece.write(&key);
        draft.set(key, Some(value));
    }
}
