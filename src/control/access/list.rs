//! Lists who holds a role, who could assign it to their own account, and which roles users
//! hold by several paths.

use std::collections::BTreeSet;

use crate::access::{self, RolePaths};
use crate::control::query::Which;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::Picture;
use crate::model::{Id, Path, RoleId, Timestamp, User};
use crate::store::Known;

use super::answers::{AccessPage, AccessPerson, AccessRow, AccessStanding};
use super::dating::date;
use super::{Envelope, envelope, mentions};

impl Query for query::Access {
    type Answer = AccessPage<AccessRow, Id>;

    fn about(&self) -> &'static str {
        "who may do what"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let store = reading.store;
        let picture = reading.context.pictures.of(store, known, self.at)?;
        let asked = self
            .role
            .as_deref()
            .map(|role| mentions::called(&picture, role));
        let mut envelope = envelope::begin(reading, known, &picture, self.at, asked.as_deref())?;
        let at = envelope.as_of;
        // For all roles at once, each row would take looks into the journal.
        let is_dated = self.role.is_some() && self.which != Which::Potential;
        let finder = Finder {
            picture: &picture,
            roles: asked.as_deref(),
            granting: access::granting(picture.roles()),
            which: self.which,
            at,
        };
        if asked.as_ref().is_some_and(Vec::is_empty) {
            return Ok(AccessPage {
                envelope,
                rows: Vec::new(),
                next: None,
            });
        }
        let limit = page::size(self.limit);
        let after = self.after;
        let listed = finder.read_listed(reading, known, after.clone(), limit, &mut envelope)?;
        let mut found = match listed {
            Some(found) => found,
            None => finder.read(reading, known, after, limit, &mut envelope)?,
        };
        if is_dated {
            let (users, rows) = (found.users, &mut found.rows);
            date(store, known, &picture, users, rows)?;
        }
        Ok(AccessPage {
            envelope,
            rows: found.rows,
            next: found.next,
        })
    }
}

/// The rows of some users.
pub(super) struct Found {
    pub(super) rows: Vec<AccessRow>,
    /// The users that the rows are about.
    pub(super) users: Vec<User>,
    /// How many of the users that were read have roles or groups that are not visible.
    pub(super) n_unseen: u64,
    /// Where to continue; `None` if all were read.
    pub(super) next: Option<Id>,
}

impl Found {
    /// Begins after a user.
    pub(super) fn begin(after: Option<Id>) -> Self {
        Self {
            rows: Vec::new(),
            users: Vec::new(),
            n_unseen: 0,
            next: after,
        }
    }
}

/// Finds the rows of one user after another.
pub(super) struct Finder<'a> {
    pub(super) picture: &'a Picture,
    /// The roles that are asked about; `None` for all.
    pub(super) roles: Option<&'a [RoleId]>,
    /// The roles whose holders can assign any role.
    pub(super) granting: BTreeSet<RoleId>,
    pub(super) which: Which,
    pub(super) at: Timestamp,
}

impl Finder<'_> {
    /// Reads users after one until there are at least `limit` rows, or enough users for one
    /// question were read.
    pub(super) fn read(
        &self,
        reading: &Reading<'_>,
        known: &Known,
        after: Option<Id>,
        limit: usize,
        envelope: &mut Envelope,
    ) -> Result<Found, ControlError> {
        let mut found = Found::begin(after);
        for _ in 0..MAX_READ / MAX_PAGE {
            let begin = found.next.as_ref();
            let page = self.picture.users(reading.store, known, begin, MAX_PAGE)?;
            for user in page.users {
                found.next = Some(user.id.0.clone());
                self.look(user, envelope, &mut found);
                if found.rows.len() >= limit {
                    return Ok(found);
                }
            }
            found.next = page.next;
            if found.next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn look(&self, user: User, envelope: &mut Envelope, found: &mut Found) {
        let grants = self.picture.grants();
        let unseen = grants.unseen(&user);
        found.n_unseen += u64::from(!unseen.is_empty());
        envelope::note_user(envelope, self.picture, &user, &unseen);
        let by_role = grants.roles_of(&user);
        let rows = match self.which {
            Which::Own => self.own(&user, &by_role, 1),
            Which::Redundant => self.own(&user, &by_role, 2),
            Which::Potential => self.potential(&user, &by_role),
        };
        if !rows.is_empty() {
            found.rows.extend(rows);
            found.users.push(user);
        }
    }

    /// Finds the requested roles that a user holds by at least `n_paths` paths, one of which not
    /// everybody has.
    fn own(&self, user: &User, by_role: &RolePaths, n_paths: usize) -> Vec<AccessRow> {
        let wanted = by_role.iter().filter(|(role, paths)| {
            self.is_asked(role) && paths.len() >= n_paths && has_own(paths)
        });
        wanted
            .map(|(role, paths)| self.row(user, role, AccessStanding::Actual, paths))
            .collect()
    }

    /// Finds the requested roles that a user does not hold, if the user may assign any role to
    /// anybody.
    fn potential(&self, user: &User, by_role: &RolePaths) -> Vec<AccessRow> {
        let by = by_role
            .iter()
            .find(|(role, _)| self.granting.contains(role));
        let Some((_, paths)) = by else {
            return Vec::new();
        };
        let wanted = self.roles.unwrap_or_default().iter();
        wanted
            .filter(|role| !by_role.contains_key(role))
            .map(|role| self.row(user, role, AccessStanding::Potential, paths))
            .collect()
    }

    fn is_asked(&self, role: &RoleId) -> bool {
        self.roles.is_none_or(|roles| roles.contains(role))
    }

    fn row(
        &self,
        user: &User,
        role: &RoleId,
        standing: AccessStanding,
        paths: &BTreeSet<Path>,
    ) -> AccessRow {
        row(self.picture, user, self.at, role, standing, paths)
    }
}

/// Returns whether a user has a path that not everybody has.
fn has_own(paths: &BTreeSet<Path>) -> bool {
    paths.iter().any(|path| !path.is_everybodys())
}

/// Makes the row of a user and a role.
pub(super) fn row(
    picture: &Picture,
    user: &User,
    at: Timestamp,
    role: &RoleId,
    standing: AccessStanding,
    paths: &BTreeSet<Path>,
) -> AccessRow {
    let name = user.roles.as_ref().and_then(|roles| roles.get(role));
    AccessRow {
        user: AccessPerson::of(user, at),
        role: picture.mention(role, name.map(String::as_str)),
        standing,
        paths: picture.shown(paths),
        since: None,
        given_by: Vec::new(),
    }
}
