//! What differs between two times: who has come to hold a role, who holds it no longer, and who holds
//! it by other paths.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Path;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::Picture;
use crate::model::{Id, RoleId, Timestamp, User};
use crate::store::Known;

use super::answers::{
    AccessChange, AccessPage, AccessPerson, AccountChange, DiffPage, DiffRow, EverybodyDiff,
    RoleMention,
};
use super::{Envelope, envelope, mentions};

type Roles = BTreeMap<RoleId, BTreeSet<Path>>;

impl Query for query::AccessDiff {
    type Answer = DiffPage;

    fn about(&self) -> &'static str {
        "what changed in who may do what"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let store = reading.store;
        let pictures = &reading.context.pictures;
        let before = pictures.of(store, known, Some(self.from))?;
        let after = pictures.of(store, known, self.to)?;
        let mut envelope = envelope::begin(reading, known, &after, self.to, None)?;
        let earlier = envelope::begin(reading, known, &before, Some(self.from), None)?;
        envelope.not_known.extend(earlier.not_known);
        let times = Times {
            before: &before,
            after: &after,
            at: envelope.as_of,
        };
        let everybody = times.everybody(reading, known)?;
        let answer = |envelope, rows, next| DiffPage {
            page: AccessPage {
                envelope,
                rows,
                next,
            },
            everybody,
        };
        let limit = page::size(self.limit);
        let (mut rows, mut next) = (Vec::new(), self.after);
        for _ in 0..MAX_READ / MAX_PAGE {
            let begin = next.clone();
            let then = before.users(store, known, begin.as_ref(), MAX_PAGE)?;
            let now = after.users(store, known, begin.as_ref(), MAX_PAGE)?;
            // Both pages are of the present users after `begin`, so a user who is missing in one
            // was not there, up to where both end.
            let end = match (then.next, now.next) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let is_here = |user: &User| end.as_ref().is_none_or(|end| user.id.0 <= *end);
            let mut pairs: BTreeMap<Id, (Option<User>, Option<User>)> = BTreeMap::new();
            for user in then.users.into_iter().filter(is_here) {
                let id = user.id.0.clone();
                pairs.entry(id).or_default().0 = Some(user);
            }
            for user in now.users.into_iter().filter(is_here) {
                let id = user.id.0.clone();
                pairs.entry(id).or_default().1 = Some(user);
            }
            for (id, (then, now)) in pairs {
                next = Some(id);
                let unseen = times.note_unseen(&mut envelope, then.as_ref(), now.as_ref());
                let found = times.rows(then.as_ref(), now.as_ref());
                rows.extend(found.into_iter().filter(|row| unseen.may_tell(row.change)));
                if rows.len() >= limit {
                    return Ok(answer(envelope, rows, next));
                }
            }
            next = end;
            if next.is_none() {
                break;
            }
        }
        Ok(answer(envelope, rows, next))
    }
}

/// Two pictures that are compared.
struct Times<'a> {
    before: &'a Picture,
    after: &'a Picture,
    at: Timestamp,
}

/// At which of the two times something of a user's roles is not visible.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    before: bool,
    after: bool,
}

impl Hidden {
    /// Returns whether a change is certain: what was not visible may have been held, and what is not
    /// visible may be held still.
    fn may_tell(self, change: AccessChange) -> bool {
        match change {
            AccessChange::Granted => !self.before,
            AccessChange::Revoked => !self.after,
            AccessChange::PathChanged => true,
        }
    }
}

impl Times<'_> {
    /// Notes what of a user's roles is not visible, at either time.
    fn note_unseen(
        &self,
        envelope: &mut Envelope,
        then: Option<&User>,
        now: Option<&User>,
    ) -> Hidden {
        let mut note = |picture: &Picture, user: Option<&User>| {
            let Some(user) = user else { return false };
            let unseen = picture.grants().unseen(user);
            envelope::note_user(envelope, picture, user, &unseen);
            !unseen.is_empty()
        };
        Hidden {
            before: note(self.before, then),
            after: note(self.after, now),
        }
    }

    /// Compares the roles that all users held with those that all users hold.
    fn everybody(
        &self,
        reading: &Reading<'_>,
        known: &Known,
    ) -> Result<Vec<EverybodyDiff>, ControlError> {
        let (before, after) = (
            self.before.grants().everybodys(),
            self.after.grants().everybodys(),
        );
        let mut rows = Vec::new();
        for role in union(&before, &after) {
            let (had, has) = (paths(&before, role), paths(&after, role));
            if let Some(change) = change(had, has) {
                rows.push(EverybodyDiff {
                    role: self.mention(role, None),
                    change,
                    users: self.after.n_users(reading.store, known)?,
                    before: mentions::paths(self.before, had),
                    after: mentions::paths(self.after, has),
                });
            }
        }
        Ok(rows)
    }

    /// Compares what a user held with what the user holds.
    fn rows(&self, then: Option<&User>, now: Option<&User>) -> Vec<DiffRow> {
        let (Some(user), account) = (match (then, now) {
            (Some(_), Some(now)) => (Some(now), AccountChange::Stayed),
            (None, Some(now)) => (Some(now), AccountChange::Created),
            (Some(then), None) => (Some(then), AccountChange::Deleted),
            (None, None) => (None, AccountChange::Stayed),
        }) else {
            return Vec::new();
        };
        let roles = |picture: &Picture, user: Option<&User>| -> Roles {
            user.map(|user| picture.grants().held(user))
                .unwrap_or_default()
        };
        let (before, after) = (roles(self.before, then), roles(self.after, now));
        let mut rows = Vec::new();
        for role in union(&before, &after) {
            let (had, has) = (paths(&before, role), paths(&after, role));
            // What everybody gained or lost is said once for all.
            if own(had).eq(own(has)) {
                continue;
            }
            let Some(change) = change(had, has) else {
                continue;
            };
            let name = user.roles.as_ref().and_then(|roles| roles.get(role));
            rows.push(DiffRow {
                user: AccessPerson::of(user, self.at),
                account,
                role: self.mention(role, name.map(String::as_str)),
                change,
                before: mentions::paths(self.before, had),
                after: mentions::paths(self.after, has),
            });
        }
        rows
    }

    /// Returns a role as it is at the later time, or as it was if it is gone.
    fn mention(&self, role: &RoleId, name: Option<&str>) -> RoleMention {
        match self.after.role(role) {
            Some(_) => mentions::role(self.after, role, name),
            None => mentions::role(self.before, role, name),
        }
    }
}

/// Returns the roles that are held at one of two times.
fn union<'a>(before: &'a Roles, after: &'a Roles) -> BTreeSet<&'a RoleId> {
    before.keys().chain(after.keys()).collect()
}

fn paths<'a>(roles: &'a Roles, role: &RoleId) -> &'a BTreeSet<Path> {
    static NONE: BTreeSet<Path> = BTreeSet::new();
    roles.get(role).unwrap_or(&NONE)
}

/// Returns the paths that not everybody has.
fn own(paths: &BTreeSet<Path>) -> impl Iterator<Item = &Path> {
    paths.iter().filter(|path| !path.is_everybodys())
}

/// Returns what became of the access to a role; `None` if nothing did.
fn change(before: &BTreeSet<Path>, after: &BTreeSet<Path>) -> Option<AccessChange> {
    match (before.is_empty(), after.is_empty()) {
        _ if before == after => None,
        (true, _) => Some(AccessChange::Granted),
        (_, true) => Some(AccessChange::Revoked),
        (false, false) => Some(AccessChange::PathChanged),
    }
}
