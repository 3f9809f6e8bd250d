//! Notes what a commit changes in posting lists, in a row of the same batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Group, GroupId, Kind, Record, RecordRef, UserId};
use crate::store::engine::rows::bucket;
use crate::store::error::StoreError;
use crate::store::layout::keys;
use crate::store::layout::{codec, v1, v9};
use crate::store::values::posting::{PostingChanges, PostingList, Postings};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

use super::read;

/// What a commit changes in posting lists, gathered while the commit is composed.
pub struct Note<'db> {
    db: &'db sled::Db,
    no: TenantNo,
    /// `None` if the tenant has no lists.
    postings: Option<Postings>,
    users: Vec<ChangedUser>,
    groups: BTreeMap<GroupId, Option<Group>>,
}

/// A user, with the lists that the user is in before and after the commit.
struct ChangedUser {
    id: UserId,
    before: BTreeSet<PostingList>,
    after: BTreeSet<PostingList>,
}

impl<'db> Note<'db> {
    /// Begins the note of a commit.
    pub fn begin(db: &'db sled::Db, no: TenantNo) -> Result<Self, StoreError> {
        Ok(Self {
            db,
            no,
            postings: read::postings(db, no)?.filter(Postings::is_kept),
            users: Vec::new(),
            groups: BTreeMap::new(),
        })
    }

    /// Notes a record of the commit, given its bytes in its block before and after.
    pub fn look(
        &mut self,
        key: &[u8],
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        if self.postings.is_none() {
            return Ok(());
        }
        let before = before.map(|body| record(key, body)).transpose()?;
        let after = after.map(|body| record(key, body)).transpose()?;
        match before.as_ref().or(after.as_ref()) {
            Some(Record::User(user)) => {
                let (id, lists) = (user.id.clone(), |record: Option<&Record>| match record {
                    Some(Record::User(user)) => PostingList::of(user),
                    Some(Record::Group(_) | Record::Role(_)) | None => BTreeSet::new(),
                });
                let (before, after) = (lists(before.as_ref()), lists(after.as_ref()));
                self.users.push(ChangedUser { id, before, after });
            }
            Some(Record::Group(group)) => {
                let id = group.id.clone();
                let now = match after {
                    Some(Record::Group(group)) => Some(group),
                    Some(Record::User(_) | Record::Role(_)) | None => None,
                };
                self.groups.insert(id, now);
            }
            Some(Record::Role(_)) | None => {}
        }
        Ok(())
    }

    /// Returns the rows to write, at most two. `number` is the number of the write.
    pub fn rows(self, number: u64) -> Result<Vec<Row>, StoreError> {
        let Self {
            db,
            no,
            postings,
            users,
            groups,
        } = self;
        let Some(mut postings) = postings else {
            return Ok(Vec::new());
        };
        let before = postings.clone();
        let mut changes = PostingChanges::new();
        let is_known = |id: &GroupId| match groups.get(id) {
            Some(now) => Ok(now.is_some()),
            None => is_known(db, no, id),
        };
        for ChangedUser { id, before, after } in users {
            for list in before.difference(&after) {
                if let PostingList::Group(group) = list {
                    postings.note_left(group, &id);
                }
                if postings.has_list(list) {
                    let of_list = changes.entry(list.clone()).or_default();
                    of_list.insert(id.clone(), false);
                }
            }
            for list in after.difference(&before) {
                if let PostingList::Group(group) = list
                    && !postings.groups.contains_key(group)
                    && is_known(group)?
                {
                    continue;
                }
                if let PostingList::Group(group) = list {
                    postings.note_unknown(group, &id);
                }
                add(&mut changes, &postings, list, &id);
            }
        }
        for (id, group) in &groups {
            postings.note_group(id, group.as_ref());
        }
        postings.limit();
        let mut rows = Vec::new();
        if postings != before {
            rows.push(row(no, &postings));
        }
        if !changes.is_empty() {
            rows.push(log_row(no, number, &changes));
        }
        Ok(rows)
    }
}

/// Notes that a user is in a list, if the list is kept.
pub fn add(changes: &mut PostingChanges, postings: &Postings, list: &PostingList, user: &UserId) {
    if postings.has_list(list) {
        let of_list = changes.entry(list.clone()).or_default();
        of_list.insert(user.clone(), true);
    }
}

/// Encodes which posting lists a tenant has.
pub fn row(no: TenantNo, postings: &Postings) -> Row {
    let key = keys::postings(no);
    let value = codec::packed_row(&key, &v9::posting::Postings::from(postings));
    (key, Some(value))
}

/// Encodes what a write changes in posting lists.
pub fn log_row(no: TenantNo, number: u64, changes: &PostingChanges) -> Row {
    let key = keys::posting_log(no, number);
    let value = codec::packed_row(&key, &v9::posting::PostingLog::from(changes));
    (key, Some(value))
}

/// Returns whether a group is known.
pub fn is_known(db: &sled::Db, no: TenantNo, group: &GroupId) -> Result<bool, StoreError> {
    let group = RecordRef {
        kind: Kind::Group,
        id: group.0.clone(),
    };
    bucket::has(db, no, &group)
}

fn record(key: &[u8], body: &[u8]) -> Result<Record, StoreError> {
    let v1::Body { record, raw: _ } = codec::from_bytes(key, body)?;
    Ok(record.into())
}
