//! Posting lists: they say who has a role assigned or is in a group that gives roles, without
//! reading all users.
//!
//! A caller must be able to read all users instead, because lists are not complete while they are
//! built: after a first load, a migration or a salvage, or after a group began to give roles.

use std::collections::BTreeMap;

use crate::model::{GroupId, Id, Kind, RecordRef, Seq, UserId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys;
use crate::store::values::posting::{PostingList, PostingStage};
use crate::store::values::record::Kept;
use crate::store::values::tenant_no::TenantNo;

/// How many records are read while commits wait.
const AT_ONCE: usize = 50;

/// Users who are in at least one of the requested lists.
#[derive(Debug, PartialEq, Eq)]
pub struct PostedUsers {
    /// The users, each with the bits of the lists that contain the user.
    pub users: BTreeMap<UserId, u8>,
    /// The last of these users if more follow; `None` if these are all.
    pub next: Option<Id>,
    /// The last entry that the lists include. It may not be on disk yet.
    pub last: Seq,
}

impl Store {
    /// Finds the users who are in at least one of the lists, after an id, at most `limit`. Each
    /// list comes with bits, which its users get. Returns `None` if a list is not complete.
    pub fn posted(
        &self,
        no: TenantNo,
        lists: &[(PostingList, u8)],
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Option<PostedUsers>, StoreError> {
        let after = after.cloned().map(UserId);
        self.engine.read_still("reading posting lists", |reader| {
            let complete = reader.postings(no)?.filter(|postings| {
                let mut lists = lists.iter();
                lists.all(|(list, _)| postings.is_complete(list))
            });
            if complete.is_none() {
                return Ok(None);
            }
            let (users, has_more) = reader.posted(no, lists, after.as_ref(), limit)?;
            let last = users.last_key_value().map(|(user, _)| user.0.clone());
            let head = reader.head()?;
            Ok(Some(PostedUsers {
                users,
                next: last.filter(|_| has_more),
                last: head.map_or(Seq::START, |head| head.last),
            }))
        })
    }

    /// Finds the groups that users mention and that the caller does not know, each with one member.
    /// Returns `None` if it is not certain which groups these are.
    pub fn unknown_groups(
        &self,
        no: TenantNo,
        is_known: impl Fn(&GroupId) -> bool,
    ) -> Result<Option<BTreeMap<GroupId, UserId>>, StoreError> {
        self.engine.read_still("reading posting lists", |reader| {
            let Some(postings) = reader.postings(no)? else {
                return Ok(None);
            };
            let Some(mut unknown) = postings.unknown() else {
                return Ok(None);
            };
            unknown.retain(|id, _| !is_known(id));
            // A group that had a list keeps it when it is deleted, and users may still mention it.
            for id in postings.groups.keys() {
                let list = PostingList::Group(id.clone());
                if !postings.has_list(&list) || is_known(id) {
                    continue;
                }
                if !postings.is_complete(&list) {
                    return Ok(None);
                }
                let (users, _) = reader.posted(no, &[(list, 1)], None, 1)?;
                unknown.extend(users.into_keys().map(|member| (id.clone(), member)));
            }
            Ok(Some(unknown))
        })
    }

    /// Returns the records with these ids that exist, in the order of the ids.
    pub fn get_all<'a>(
        &self,
        no: TenantNo,
        kind: Kind,
        ids: impl IntoIterator<Item = &'a Id>,
    ) -> Result<Vec<Kept>, StoreError> {
        let ids: Vec<&Id> = ids.into_iter().collect();
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            self.engine.read_still("reading records", |reader| {
                for id in some {
                    let id = (*id).clone();
                    found.extend(reader.record(no, &RecordRef { kind, id })?);
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Takes one step of building the posting lists of one tenant, in one write. Commits wait for
    /// it some milliseconds. Returns false if there was nothing to do.
    pub fn build_postings(&self) -> Result<bool, StoreError> {
        for known in self.tenants()? {
            if self.wants_postings(known.no)? {
                self.engine.build_postings(known.no)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether there are lists to build, or to delete.
    fn wants_postings(&self, no: TenantNo) -> Result<bool, StoreError> {
        self.engine.read("reading posting lists", |reader| {
            let Some(postings) = reader.postings(no)? else {
                return Ok(reader.get(&keys::loaded(no))?.is_some());
            };
            if postings.stage != PostingStage::TooMany {
                return Ok(postings.wants_build());
            }
            let prefixes = [keys::posting_lists(no), keys::posting_logs(no)];
            let mut rows = prefixes.iter().flat_map(|prefix| reader.prefix(prefix));
            rows.next().transpose().map(|row| row.is_some())
        })
    }
}
