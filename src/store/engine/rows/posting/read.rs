//! Reads posting lists, with the changes that are not in them yet. Commits must wait meanwhile.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::UserId;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys;
use crate::store::layout::{codec, v9};
use crate::store::values::posting::{PostingChanges, PostingList, Postings};
use crate::store::values::tenant_no::TenantNo;

use super::row::Users;

/// Reads which posting lists a tenant has; `None` if their first build has not begun.
pub fn postings(db: &sled::Db, no: TenantNo) -> Result<Option<Postings>, StoreError> {
    let key = keys::postings(no);
    let value = scan::get(db, &key)?;
    let read = |value: sled::IVec| {
        let row: v9::posting::Postings = codec::read_packed_row(&key, &value)?;
        Ok(row.into())
    };
    value.map(read).transpose()
}

/// Reads the changes that are not in the lists yet, for the lists that `concerns` picks.
pub fn changes(
    db: &sled::Db,
    no: TenantNo,
    concerns: impl Fn(&PostingList) -> bool,
) -> Result<PostingChanges, StoreError> {
    let mut all = PostingChanges::new();
    for row in scan::prefix(db, &keys::posting_logs(no)) {
        let (key, value) = row?;
        merge(&mut all, log(&key, &value)?, &concerns);
    }
    Ok(all)
}

/// Decodes what a write changed.
pub fn log(key: &[u8], value: &[u8]) -> Result<PostingChanges, StoreError> {
    let row: v9::posting::PostingLog = codec::read_packed_row(key, value)?;
    Ok(row.into())
}

/// Adds later changes, for the lists that `concerns` picks.
pub fn merge(
    all: &mut PostingChanges,
    later: PostingChanges,
    concerns: impl Fn(&PostingList) -> bool,
) {
    for (list, users) in later {
        if concerns(&list) {
            all.entry(list).or_default().extend(users);
        }
    }
}

/// A requested posting list, and the bits that its users get.
pub type Asked = (PostingList, u8);

/// Finds the users who are in any of these lists and whose ids follow `after`, in the order of
/// their ids. Each gets the bits of all lists that contain it. Returns at most `limit` users, and
/// whether there are more.
pub fn posted(
    db: &sled::Db,
    no: TenantNo,
    lists: &[Asked],
    after: Option<&UserId>,
    limit: usize,
) -> Result<(BTreeMap<UserId, u8>, bool), StoreError> {
    let not_in_lists = changes(db, no, |list| lists.iter().any(|(asked, _)| asked == list))?;
    let none = BTreeMap::new();
    let mut found = Found {
        users: BTreeMap::new(),
        limit,
    };
    for (list, bits) in lists {
        let changed = not_in_lists.get(list).unwrap_or(&none);
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = changed.range::<UserId, _>((behind, Bound::Unbounded));
        for (user, _) in later.filter(|(_, is_in)| **is_in) {
            found.add(user.clone(), *bits);
        }
        each(db, no, list, after, |user| {
            changed.contains_key(&user) || found.add(user, *bits)
        })?;
    }
    Ok(found.end())
}

/// Visits the users in the rows of a list whose ids follow `after`, until `visit` returns false.
/// Changes that are not in the list yet are left out.
pub fn each(
    db: &sled::Db,
    no: TenantNo,
    list: &PostingList,
    after: Option<&UserId>,
    mut visit: impl FnMut(UserId) -> bool,
) -> Result<(), StoreError> {
    let prefix = keys::posting_list(no, list);
    let from = match after {
        Some(user) => scan::holding(db, prefix.clone(), keys::posting(no, list, user))?.0,
        None => prefix.clone(),
    };
    for row in scan::after(db, &prefix, Bound::Included(from)) {
        let (key, value) = row?;
        for user in Users::read(&key, &value)?.0 {
            if after.is_none_or(|after| *after < user) && !visit(user) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The users with the lowest ids of those found so far: one more than `limit`, to see if there are
/// more.
struct Found {
    users: BTreeMap<UserId, u8>,
    limit: usize,
}

impl Found {
    /// Adds a user. Returns false if there are enough users with lower ids, so that later ones do
    /// not count.
    fn add(&mut self, user: UserId, bits: u8) -> bool {
        let is_full = self.users.len() > self.limit;
        if is_full
            && self
                .users
                .last_key_value()
                .is_some_and(|(last, _)| *last < user)
        {
            return false;
        }
        *self.users.entry(user).or_default() |= bits;
        if self.users.len() > self.limit + 1 {
            self.users.pop_last();
        }
        true
    }

    fn end(mut self) -> (BTreeMap<UserId, u8>, bool) {
        let has_more = self.users.len() > self.limit;
        if has_more {
            self.users.pop_last();
        }
        (self.users, has_more)
    }
}
