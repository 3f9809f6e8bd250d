//! Builds posting lists, in steps of one write each: finds the groups that need one, then reads all
//! users and notes them as if they had changed.
//!
//! Only the thread that writes takes these steps, so nothing changes between a step's read and its
//! write. A change between two steps is noted by its own commit.

use std::collections::BTreeSet;

use crate::model::{Group, GroupId, Id, Kind, Record, User};
use crate::store::engine::rows::compose::{Composed, Draft};
use crate::store::engine::rows::state;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys;
use crate::store::layout::{codec, v9};
use crate::store::values::head::Head;
use crate::store::values::posting::{
    PostedGroup, PostingChanges, PostingList, PostingStage, Postings,
};
use crate::store::values::tenant_no::TenantNo;

use super::note::{self, add};
use super::read;

/// How many records a step reads: few enough that commits wait for only some milliseconds.
const AT_ONCE: usize = if cfg!(test) { 7 } else { 200 };

/// How many rows a step deletes if the lists are given up.
const DELETED_AT_ONCE: usize = 150;

/// The known groups of a tenant that a build has met so far.
#[derive(Default)]
pub struct KnownGroups {
    of: Option<(TenantNo, u64)>,
    ids: BTreeSet<GroupId>,
}

/// Composes the next step; `None` if there is nothing to do.
pub fn step(
    db: &sled::Db,
    head: &Head,
    no: TenantNo,
    known: &mut KnownGroups,
) -> Result<Option<Composed>, StoreError> {
    let mut draft = Draft::default();
    let Some(mut postings) = read::postings(db, no)? else {
        if scan::get(db, &keys::loaded(no))?.is_none() {
            return Ok(None);
        }
        put(&mut draft, no, &Postings::begin());
        return Ok(Some(draft.finish(*head)));
    };
    if postings.stage == PostingStage::TooMany {
        return give_up(db, head, no);
    }
    if !postings.wants_build() {
        return Ok(None);
    }
    let before = postings.clone();
    if postings.stage == PostingStage::Ended {
        (postings.build, postings.stage) = (postings.build + 1, PostingStage::Users);
    }
    let begin = position(db, no)?;
    let reached = match postings.stage {
        PostingStage::Groups => find_groups(db, no, &mut postings, begin.as_ref())?,
        PostingStage::Users | PostingStage::Ended | PostingStage::TooMany => {
            let mut changes = PostingChanges::new();
            let users = users(db, no, begin.as_ref())?;
            known.renew(db, no)?;
            for user in &users {
                note_user(db, no, &mut postings, &mut changes, (user, known))?;
            }
            if !changes.is_empty() {
                let (key, value) = note::log_row(no, head.commits + 1, &changes);
                draft.set(key, value);
            }
            users.last().map(|user| user.id.0.clone())
        }
    };
    let key = keys::posting_build(no);
    if let Some(reached) = reached {
        let (key, value) = codec::put(key, &v9::posting::PostingBuild(reached));
        draft.set(key, value);
    } else {
        draft.set(key, None);
        *known = KnownGroups::default();
        end_stage(db, no, &mut postings)?;
    }
    postings.limit();
    if postings != before {
        put(&mut draft, no, &postings);
    }
    Ok(Some(draft.finish(*head)))
}

/// Ends a stage whose records were all read.
fn end_stage(db: &sled::Db, no: TenantNo, postings: &mut Postings) -> Result<(), StoreError> {
    if postings.stage == PostingStage::Groups {
        postings.stage = PostingStage::Users;
        return Ok(());
    }
    postings.stage = PostingStage::Ended;
    let ended = postings.build;
    postings.groups.retain(|_, group| match group {
        PostedGroup::Doubtful { build } => *build > ended,
        PostedGroup::Members { .. } | PostedGroup::Unknown { .. } => true,
    });
    // A list without users is not needed once its group is gone.
    let changes = read::changes(db, no, |_| true)?;
    let mut gone = Vec::new();
    for id in postings.groups.keys() {
        let list = PostingList::Group(id.clone());
        if changes.contains_key(&list) || note::is_known(db, no, id)? {
            continue;
        }
        let mut has_users = false;
        read::each(db, no, &list, None, |_| {
            has_users = true;
            false
        })?;
        if !has_users && postings.is_complete(&list) {
            gone.push(id.clone());
        }
    }
    for id in gone {
        postings.groups.remove(&id);
    }
    Ok(())
}

/// Finds groups that need a list. Returns the last group that was read; `None` if there are no
/// more.
fn find_groups(
    db: &sled::Db,
    no: TenantNo,
    postings: &mut Postings,
    after: Option<&Id>,
) -> Result<Option<Id>, StoreError> {
    let mut reached = None;
    for kept in state::list(db, no, Kind::Group, after, AT_ONCE)? {
        reached = Some(kept.record.id().clone());
        if let Record::Group(group) = &kept.record {
            let Group { id, .. } = group;
            postings.note_group(id, Some(group));
        }
    }
    Ok(reached)
}

fn users(db: &sled::Db, no: TenantNo, after: Option<&Id>) -> Result<Vec<User>, StoreError> {
    let kept = state::list(db, no, Kind::User, after, AT_ONCE)?;
    let users = kept.into_iter().filter_map(|kept| match kept.record {
        Record::User(user) => Some(user),
        Record::Group(_) | Record::Role(_) => None,
    });
    Ok(users.collect())
}

/// Notes a user in the lists that are being built.
fn note_user(
    db: &sled::Db,
    no: TenantNo,
    postings: &mut Postings,
    changes: &mut PostingChanges,
    (user, known): (&User, &mut KnownGroups),
) -> Result<(), StoreError> {
    let build = postings.build;
    for list in PostingList::of(user) {
        let PostingList::Group(group) = &list else {
            if build == 1 {
                add(changes, postings, &list, &user.id);
            }
            continue;
        };
        let is_met = match postings.groups.get(group) {
            Some(PostedGroup::Members { build: of } | PostedGroup::Doubtful { build: of }) => {
                *of == build
            }
            Some(PostedGroup::Unknown { .. }) => false,
            // Later builds need not look: commits note the groups that are not known.
            None => build == 1 && !known.has(db, no, group)?,
        };
        if is_met {
            postings.note_unknown(group, &user.id);
            add(changes, postings, &list, &user.id);
        }
    }
    Ok(())
}

impl KnownGroups {
    /// Forgets all groups if they belong to another tenant, or if groups have changed since.
    fn renew(&mut self, db: &sled::Db, no: TenantNo) -> Result<(), StoreError> {
        let now = Some((no, state::census(db, no, Kind::Group)?.checksum));
        if self.of != now {
            (self.of, self.ids) = (now, BTreeSet::new());
        }
        Ok(())
    }

    fn has(&mut self, db: &sled::Db, no: TenantNo, group: &GroupId) -> Result<bool, StoreError> {
        if self.ids.contains(group) {
            return Ok(true);
        }
        let is_known = note::is_known(db, no, group)?;
        if is_known {
            self.ids.insert(group.clone());
        }
        Ok(is_known)
    }
}

/// Returns the last record that this stage has read; `None` if it begins.
fn position(db: &sled::Db, no: TenantNo) -> Result<Option<Id>, StoreError> {
    let key = keys::posting_build(no);
    let value = scan::get(db, &key)?;
    let read = |value: sled::IVec| {
        let v9::posting::PostingBuild(id) = codec::read_row(&key, &value)?;
        Ok(id)
    };
    value.map(read).transpose()
}

/// Deletes some rows of lists that are given up. Returns `None` if no row is left.
fn give_up(db: &sled::Db, head: &Head, no: TenantNo) -> Result<Option<Composed>, StoreError> {
    let mut draft = Draft::default();
    for prefix in [keys::posting_lists(no), keys::posting_logs(no)] {
        let n_more = DELETED_AT_ONCE.saturating_sub(draft.len());
        for row in scan::prefix(db, &prefix).take(n_more) {
            draft.set(row?.0.to_vec(), None);
        }
    }
    let key = keys::posting_build(no);
    if scan::get(db, &key)?.is_some() {
        draft.set(key, None);
    }
    Ok((draft.len() > 0).then(|| draft.finish(*head)))
}

fn put(draft: &mut Draft, no: TenantNo, postings: &Postings) {
    let (key, value) = note::row(no, postings);
    draft.set(key, value);
}
