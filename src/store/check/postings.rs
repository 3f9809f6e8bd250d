//! Checks that posting lists agree with the records of users.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::model::{Id, Kind, Record, UserId};
use crate::store::engine::rows::posting::read;
use crate::store::engine::rows::posting::row::Users;
use crate::store::engine::rows::state;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v9};
use crate::store::values::posting::{PostingChanges, PostingList, Postings};
use crate::store::values::tenant_no::TenantNo;

use super::Check;

/// How many users are compared at once. Commits wait meanwhile.
const AT_ONCE: usize = 2_000;

/// Maps lists to the users that are in them, within a range of ids.
type Lists = BTreeMap<PostingList, BTreeSet<UserId>>;

impl Check<'_> {
    pub(super) fn postings(&mut self) {
        self.simple(Keyspace::Posting, |key, value| {
            Users::read(key, value)?;
            match keys::posting_of(key) {
                Some((no, _)) => Ok(Some(no)),
                None => Err(codec::flawed(key, "of no role or group")),
            }
        });
        self.simple(Keyspace::PostingLog, |key, value| {
            read::log(key, value)?;
            Ok(keys::tenant_of_posting_log(key))
        });
        self.simple(Keyspace::Postings, |key, value| {
            codec::read_packed_row::<v9::posting::Postings>(key, value)?;
            Ok(keys::tenant_no(key))
        });
        self.simple(Keyspace::PostingBuild, |key, value| {
            codec::read_row::<v9::posting::PostingBuild>(key, value)?;
            Ok(keys::tenant_no(key))
        });
        for no in self.tenants.keys().copied().collect::<Vec<_>>() {
            let mut last: Option<Id> = None;
            while let Some(upto) = self.compare_postings(no, last.as_ref())
                && !(self.view.is_over)()
            {
                last = Some(upto);
                self.tick(1);
            }
        }
    }

    /// Compares the lists of a tenant with some users after an id. Returns the last of these users,
    /// or `None` if there are no more, the tenant has no lists, or something cannot be read.
    fn compare_postings(&mut self, no: TenantNo, after: Option<&Id>) -> Option<Id> {
        let place = format!("the posting lists of {}", self.named(no));
        let _still = self.view.still();
        let postings = self.take(&*place, read::postings(self.view.db, no))??;
        let users = state::list(self.view.db, no, Kind::User, after, AT_ONCE);
        // Damaged records were already reported.
        let users = users.ok()?;
        let upto = users.last().map(|kept| kept.record.id().clone());
        let upto = upto.filter(|_| users.len() == AT_ONCE);
        let mut expected = Lists::new();
        for kept in users {
            if let Record::User(user) = kept.record {
                for list in PostingList::of(&user) {
                    expected.entry(list).or_default().insert(user.id.clone());
                }
            }
        }
        let found = found(self.view.db, no, after, upto.as_ref());
        let found = self.take(&*place, found)?;
        self.compare_lists(&postings, &expected, &found, &place);
        upto
    }

    fn compare_lists(&mut self, postings: &Postings, expected: &Lists, found: &Lists, place: &str) {
        let none = BTreeSet::new();
        let lists: BTreeSet<&PostingList> = expected.keys().chain(found.keys()).collect();
        for list in lists {
            if !postings.has_list(list) && found.contains_key(list) && postings.is_kept() {
                self.fault(place, format!("{} has one and needs none", named(list)));
            }
            if !postings.is_complete(list) {
                continue;
            }
            let expected = expected.get(list).unwrap_or(&none);
            let found = found.get(list).unwrap_or(&none);
            if let Some(lacking) = expected.difference(found).next() {
                self.fault(place, format!("{} lacks user {lacking}", named(list)));
            }
            if let Some(extra) = found.difference(expected).next() {
                let what = format!("{} has user {extra}, who is not in it", named(list));
                self.fault(place, what);
            }
        }
    }
}

/// Reads all lists of a tenant, each with its users in a range of ids.
fn found(
    db: &sled::Db,
    no: TenantNo,
    after: Option<&Id>,
    upto: Option<&Id>,
) -> Result<Lists, StoreError> {
    let after = after.cloned().map(UserId);
    let upto = upto.cloned().map(UserId);
    let is_within = |user: &UserId| {
        after.as_ref().is_none_or(|after| after < user)
            && upto.as_ref().is_none_or(|upto| user <= upto)
    };
    let mut found = Lists::new();
    let prefix = keys::posting_lists(no);
    let mut from: Key = prefix.clone();
    while let Some(row) = scan::after(db, &prefix, Bound::Included(from)).next() {
        let (key, _) = row?;
        let (_, list) =
            keys::posting_of(&key).ok_or_else(|| codec::flawed(&key, "of no role or group"))?;
        let mut users = BTreeSet::new();
        read::each(db, no, &list, after.as_ref(), |user| {
            let is_here = is_within(&user);
            if is_here {
                users.insert(user);
            }
            is_here
        })?;
        from = keys::posting_list(no, &list);
        from.extend_from_slice(&[0xff; 80]);
        if !users.is_empty() {
            found.insert(list, users);
        }
    }
    let changes: PostingChanges = read::changes(db, no, |_| true)?;
    for (list, users) in changes {
        let of_list = found.entry(list).or_default();
        for (user, is_in) in users.into_iter().filter(|(user, _)| is_within(user)) {
            match is_in {
                true => of_list.insert(user),
                false => of_list.remove(&user),
            };
        }
    }
    found.retain(|_, users| !users.is_empty());
    Ok(found)
}

/// Returns how a report names a list.
fn named(list: &PostingList) -> String {
    match list {
        PostingList::Role(id) => format!("that of role {id}"),
        PostingList::Group(id) => format!("that of group {id}"),
        PostingList::HiddenRoles => "that of users whose roles are not visible".to_owned(),
        PostingList::HiddenGroups => "that of users whose groups are not visible".to_owned(),
    }
}
