//! The users of a tenant at two times, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::model::{AccountChange, Id, RoleId, RoleMention, User};
use crate::store::{Known, PostingList, Store};

use super::error::HistoryError;
use super::picture::Picture;
use super::present::present;

/// A user at two times; `None` where there was no such user.
#[derive(Default)]
pub struct Pair {
    /// At the earlier time.
    pub then: Option<User>,
    /// At the later time.
    pub now: Option<User>,
}

impl Pair {
    /// Returns the user at the later time, or at the earlier time if the user is gone, and what
    /// happened to the account; `None` if there was no such user at either time.
    pub fn account(&self) -> Option<(&User, AccountChange)> {
        match (&self.then, &self.now) {
            (Some(_), Some(now)) => Some((now, AccountChange::Stayed)),
            (None, Some(now)) => Some((now, AccountChange::Created)),
            (Some(then), None) => Some((then, AccountChange::Deleted)),
            (None, None) => None,
        }
    }
}

/// Returns a role as it is in the later of two pictures, or as it was if it is gone. If the role is
/// unknown, its name comes from its holder's record.
pub fn latest_mention(
    (before, after): (&Picture, &Picture),
    role: &RoleId,
    holder: Option<&User>,
) -> RoleMention {
    let roles = holder.and_then(|user| user.roles.as_ref());
    let name = roles.and_then(|roles| roles.get(role)).map(String::as_str);
    match after.role(role) {
        Some(_) => after.mention(role, name),
        None => before.mention(role, name),
    }
}

/// A page of users at two times.
pub struct PairPage {
    /// The users, in the order of their ids.
    pub pairs: Vec<(Id, Pair)>,
    /// The user after whom the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}

/// Reads a page of users as they were at the times of two pictures, in the order of ids, after
/// `begin`. It covers about `limit` present users.
pub fn pairs(
    (before, after): (&Picture, &Picture),
    store: &Store,
    known: &Known,
    begin: Option<&Id>,
    limit: usize,
) -> Result<PairPage, HistoryError> {
    let then = before.users(store, known, begin, limit)?;
    let now = after.users(store, known, begin, limit)?;
    // Both pages begin after the same user. Up to the end of the shorter one, a user who is in only
    // one of them did not exist at the other time.
    let next = match (then.next, now.next) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let is_here = |user: &User| next.as_ref().is_none_or(|next| user.id.0 <= *next);
    let mut pairs: BTreeMap<Id, Pair> = BTreeMap::new();
    for user in then.users.into_iter().filter(is_here) {
        let id = user.id.0.clone();
        pairs.entry(id).or_default().then = Some(user);
    }
    for user in now.users.into_iter().filter(is_here) {
        let id = user.id.0.clone();
        pairs.entry(id).or_default().now = Some(user);
    }
    let pairs = pairs.into_iter().collect();
    Ok(PairPage { pairs, next })
}

/// Reads users at the times of two pictures, in the order of ids, after `begin`: all who were in
/// any of `lists` at the later time, and `others`. Returns `None` if a list is not complete at
/// present.
pub fn pairs_in<T>(
    (before, after): (&Picture, &Picture),
    (store, known): (&Store, &Known),
    (lists, others): (&BTreeSet<PostingList>, &BTreeMap<Id, T>),
    begin: Option<&Id>,
    limit: usize,
) -> Result<Option<PairPage>, HistoryError> {
    let Some((mut ids, mut next)) = after.ids_in(store, known, lists, begin, limit)? else {
        return Ok(None);
    };
    let behind = begin.map_or(Bound::Unbounded, Bound::Excluded);
    let some = others
        .range::<Id, _>((behind, Bound::Unbounded))
        .take(limit);
    let some: Vec<&Id> = some.map(|(id, _)| id).collect();
    if let Some(last) = some.last().filter(|_| some.len() == limit) {
        let last = (*last).clone();
        next = Some(next.map_or(last.clone(), |next| next.min(last)));
    }
    ids.extend(some.into_iter().cloned());
    if let Some(next) = &next {
        ids.retain(|id| id <= next);
    }
    let mut now = present(store, known, &ids)?;
    before.catch_up(store, known, now.newest)?;
    after.catch_up(store, known, now.newest)?;
    let mut pairs = Vec::with_capacity(ids.len());
    for id in ids {
        let user = now.users.remove(&id);
        let then = before.put_back(store, known, &id, user.clone())?;
        let now = after.put_back(store, known, &id, user)?;
        pairs.push((id, Pair { then, now }));
    }
    Ok(Some(PairPage { pairs, next }))
}

#[cfg(test)]
mod tests;
