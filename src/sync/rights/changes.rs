//! Compares what users had before a run with what they have after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{self, Difference, differences, everybodys_differences};
use crate::history::{HistoryError, Pair, PairPage, Picture, latest_mention, pairs, pairs_in};
use crate::model::{
    Fact, GroupId, Holder, Id, Right, RightHolders, Role, RoleId, RoleMention, User,
};
use crate::store::{Known, PostingList, RightsMark, Store};

use super::in_spaces;
use super::range::{Compared, Range};
use super::rights_writer::{RightsWriter, SharedChange};
use super::times::Times;

/// How many users are compared at once.
const AT_ONCE: usize = 500;

/// Reports the changes of a run, except for those entries that the mark counts as written. Returns
/// whether there was anything to report.
pub(super) fn report(
    store: &Store,
    known: &Known,
    range: &Range,
    mark: RightsMark,
) -> Result<bool, HistoryError> {
    let mut writer = RightsWriter::begin(store, known, range, mark)?;
    gather(store, known, range, &mut writer)?;
    writer.end()
}

/// Gives a writer the changes of a run.
pub(super) fn gather(
    store: &Store,
    known: &Known,
    range: &Range,
    writer: &mut RightsWriter<'_>,
) -> Result<(), HistoryError> {
    let after = Picture::after(store, known, range.end)?;
    // If no role or group changed, one picture of the tenant serves for both times.
    let before = match range.has_giver {
        true => Some(Picture::after(store, known, range.begin)?),
        false => None,
    };
    let times = Times {
        store,
        known,
        range,
        before: before.as_ref().unwrap_or(&after),
        after: &after,
    };
    match range.compared {
        Compared::Roles => times.report(writer),
        Compared::RolesAndSpaces => {
            times.report(writer)?;
            // Entries about roles come first.
            writer.write_waiting()?;
            in_spaces::report(&times, writer)
        }
        Compared::Spaces => in_spaces::report(&times, writer),
    }
}

impl Times<'_> {
    /// Reports changes of roles and of who holds them.
    fn report(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        self.roles(writer)?;
        self.everybody(writer)?;
        self.users(writer)
    }

    /// Reports changes in what roles allow.
    fn roles(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let (roles, _) = self.before.changed_givers();
        for id in roles {
            let (Some(then), Some(now)) = (self.before.role(&id), self.after.role(&id)) else {
                continue;
            };
            if !shows_content(then) || !shows_content(now) {
                continue;
            }
            let words = |role: &Role| -> BTreeSet<String> {
                access::carried(role).map(str::to_owned).collect()
            };
            let (then, now) = (words(then), words(now));
            if then != now {
                writer.push(Fact::RoleContentChanged {
                    role: self.after.mention(&id, None),
                    gained: now.difference(&then).cloned().collect(),
                    lost: then.difference(&now).cloned().collect(),
                })?;
            }
        }
        Ok(())
    }

    /// Reports what all users gained or lost.
    fn everybody(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        for difference in everybodys_differences(self.before.grants(), self.after.grants()) {
            let count = self.after.n_users(self.store, self.known)?;
            let shared = self.shared(&difference, None);
            writer.push(shared.of(RightHolders::Everybody { count }))?;
        }
        Ok(())
    }

    /// Reports what single users gained or lost.
    fn users(&self, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let groups = self.regranted();
        if !groups.is_empty() {
            return self.all_users(&groups, writer);
        }
        for entries in self.range.users.values() {
            self.user(&self.pair(*entries)?, writer)?;
        }
        Ok(())
    }

    /// Compares all users who may be concerned when groups give other roles than before.
    fn all_users(
        &self,
        groups: &BTreeSet<GroupId>,
        writer: &mut RightsWriter<'_>,
    ) -> Result<(), HistoryError> {
        let mut after: Option<Id> = None;
        let lists = groups.iter().cloned().map(PostingList::Group).collect();
        loop {
            let page = self.page(&lists, after.as_ref())?;
            for (_, pair) in &page.pairs {
                let is_member = |user: &User| {
                    let mut of_user = user.groups.iter().flat_map(BTreeMap::keys);
                    of_user.any(|group| groups.contains(group))
                };
                let concerns = match (&pair.then, &pair.now) {
                    (Some(then), Some(now)) => {
                        then.roles != now.roles || then.groups != now.groups || is_member(now)
                    }
                    (None, _) | (_, None) => true,
                };
                if concerns {
                    self.user(pair, writer)?;
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Reads a page of users after an id: those who are in one of some groups or have changed, or
    /// all users if the posting lists of those groups are not complete.
    fn page(
        &self,
        lists: &BTreeSet<PostingList>,
        after: Option<&Id>,
    ) -> Result<PairPage, HistoryError> {
        let pictures = (self.before, self.after);
        let (store, changed) = ((self.store, self.known), &self.range.users);
        match pairs_in(pictures, store, (lists, changed), after, AT_ONCE)? {
            Some(page) => Ok(page),
            None => pairs(pictures, self.store, self.known, after, AT_ONCE),
        }
    }

    fn user(&self, pair: &Pair, writer: &mut RightsWriter<'_>) -> Result<(), HistoryError> {
        let Some((user, account)) = pair.account() else {
            return Ok(());
        };
        let (then, now) = (pair.then.as_ref(), pair.now.as_ref());
        for difference in differences(self.before.grants(), self.after.grants(), then, now) {
            let holder = Holder::of(user, account, self.range.at);
            writer.add(self.shared(&difference, Some(user)), holder)?;
        }
        Ok(())
    }

    fn shared(&self, difference: &Difference, holder: Option<&User>) -> SharedChange {
        SharedChange {
            right: Right::Role(self.mention(&difference.right, holder)),
            change: difference.change,
            before: self.before.shown(&difference.before),
            after: self.after.shown(&difference.after),
        }
    }

    fn mention(&self, role: &RoleId, holder: Option<&User>) -> RoleMention {
        latest_mention((self.before, self.after), role, holder)
    }

    /// Returns the groups that give their members other roles than before. Users who are in none of
    /// them have other roles or paths only if they changed themselves.
    fn regranted(&self) -> BTreeSet<GroupId> {
        let (_, groups) = self.before.changed_givers();
        let (before, after) = (self.before.grants(), self.after.grants());
        let differs = |group: &GroupId| before.of_members(group) != after.of_members(group);
        groups.into_iter().filter(differs).collect()
    }
}

/// Returns whether the source shows what a role allows.
fn shows_content(role: &Role) -> bool {
    role.permissions.is_some() || role.scopes.is_some()
}
