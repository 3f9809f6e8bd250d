//! Lists the rights of users in all spaces, user by user: roles in spaces, and shared apps.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Given, SpaceGrants, SpacePaths, SpaceRight};
use crate::control::query::Which;
use crate::control::reading::Reading;
use crate::control::space_tables::{AskedSpaces, Collected};
use crate::control::{ControlError, MAX_PAGE, Query, page, query};
use crate::history::{Picture, SpacesLook, UserPage, each_space};
use crate::model::{
    Called, GroupId, Id, LastSession, Path, Right, ShownPath, Space, SpaceMention, Timestamp, User,
    UserId,
};
use crate::store::Known;

use super::answers::{AccessPage, AccessPerson, Giver, NotKnown};
use super::page_rows::PageRows;
use super::portions::Portions;
use super::space::{not_known_of, note_look, note_user};
use super::{dating, envelope, last_seen};

/// A right in a space that a user holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRightRow {
    /// The user.
    pub user: AccessPerson,
    /// The right.
    pub right: Right,
    /// Every path to it, including the paths that all users have.
    pub paths: Vec<ShownPath>,
    /// When the first of these paths was created, by the source's clock; `None` if the source does
    /// not date each of them.
    pub since: Option<Timestamp>,
    /// Who created that path; `None` if unknown.
    pub given_by: Option<Giver>,
}

/// A right in a space that all users hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceEverybodyRight {
    /// The right.
    pub right: Right,
    /// The paths that all users have.
    pub paths: Vec<ShownPath>,
    /// How many users there are.
    pub users: u64,
}

/// A page of the rights of users in spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRightsPage {
    /// The rights that users hold by a path that not everybody has.
    pub page: AccessPage<SpaceRightRow, Id>,
    /// The rights that all users hold, on the first page.
    pub everybody: Vec<SpaceEverybodyRight>,
    /// The spaces that have the requested id or name; empty if no space was requested.
    pub spaces: Vec<SpaceMention>,
    /// The roles that somebody has in any of the requested spaces, on the first page.
    pub roles: BTreeSet<String>,
    /// Whether spaces were ever asked for.
    pub is_on: bool,
    /// The time up to which spaces are known: the start of the last complete reading of all spaces,
    /// or the time of the answer if that is earlier. `None` if no reading was complete by then.
    pub read_at: Option<Timestamp>,
    /// When the users of this page were last seen.
    pub last_sessions: BTreeMap<UserId, LastSession>,
}

impl Query for query::SpaceRights {
    type Answer = SpaceRightsPage;

    fn about(&self) -> &'static str {
        "who holds which rights in spaces"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, self.at)?;
        let mut envelope = envelope::begin(reading, known, &picture, self.at, Some(&[]))?;
        envelope.not_known.remove(&NotKnown::Roles);
        let asked = Asked {
            reading,
            known,
            picture: &picture,
            at: envelope.as_of,
            question: &self,
            names: RefCell::default(),
            givers: RefCell::default(),
        };
        let table = asked.table()?;
        let mut answer = SpaceRightsPage {
            page: AccessPage {
                envelope,
                rows: Vec::new(),
                next: None,
            },
            everybody: Vec::new(),
            spaces: Vec::new(),
            roles: BTreeSet::new(),
            is_on: false,
            read_at: None,
            last_sessions: BTreeMap::new(),
        };
        let mut rows = PageRows::begin(page::size(self.limit));
        let mut next = self.after.clone();
        let mut users: BTreeMap<UserId, User> = BTreeMap::new();
        let mut portions = Portions::begin();
        let mut place = match &self.after {
            None => Part::First,
            Some(_) => Part::Later,
        };
        loop {
            let page = asked.users(portions.take(table.as_ref()), next.clone())?;
            for user in &page.users {
                note_user(user, &mut answer.page.envelope);
            }
            asked.look(
                table.as_deref(),
                (&page.users, place),
                &mut rows,
                &mut answer,
            )?;
            place = Part::Again;
            let ids = page.users.iter().map(|user| &user.id.0);
            next = rows.next(ids, next, page.next);
            let with_rows = page.users.into_iter().filter(|user| rows.has(&user.id.0));
            users.extend(with_rows.map(|user| (user.id.clone(), user)));
            if rows.is_full() || next.is_none() || portions.is_end() {
                break;
            }
        }
        let span = last_seen::span(reading.store, known)?;
        let now = reading.context.clock.now();
        for (id, user) in users.iter().filter(|(id, _)| rows.has(&id.0)) {
            let last = last_seen::last_session(reading.store, known, user, span, (asked.at, now))?;
            answer.last_sessions.insert(id.clone(), last);
        }
        answer.page.rows = rows.into_rows();
        answer.page.next = next;
        Ok(answer)
    }
}

/// The place of a batch of users in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first batch of the first page.
    First,
    /// The first batch of a later page.
    Later,
    /// A further batch of any page.
    Again,
}

/// The rights in all spaces that a question is about.
#[derive(Debug)]
pub(super) struct RightsTable {
    spaces: Vec<RightsOf>,
    look: SpacesLook,
}

/// The rights in one space.
#[derive(Debug)]
struct RightsOf {
    mention: SpaceMention,
    not_known: Vec<NotKnown>,
    /// The roles that somebody has in it.
    roles: BTreeSet<String>,
    grants: SpaceGrants,
}

/// A question about rights in spaces, with what is needed to answer it.
struct Asked<'a> {
    reading: &'a Reading<'a>,
    known: &'a Known,
    picture: &'a Arc<Picture>,
    at: Timestamp,
    question: &'a query::SpaceRights,
    /// The names of groups that were looked up.
    names: RefCell<BTreeMap<GroupId, Option<String>>>,
    givers: RefCell<BTreeMap<Id, Giver>>,
}

impl Asked<'_> {
    /// Returns what is kept of all spaces that are asked about; `None` if there are too many.
    fn table(&self) -> Result<Option<Arc<RightsTable>>, ControlError> {
        let asked = AskedSpaces {
            tenant: self.known.no,
            pictures: vec![Arc::clone(self.picture)],
            space: self.question.space.clone(),
        };
        let tables = &self.reading.context.space_tables;
        tables.of((self.reading.store, self.known), asked, || {
            let mut collected = Collected::begin();
            let look = self.each_space(|space| {
                collected.add([space], || self.rights_of(space));
            })?;
            Ok(collected.end(|spaces| RightsTable { spaces, look }))
        })
    }

    fn each_space(&self, mut visit: impl FnMut(&Space)) -> Result<SpacesLook, ControlError> {
        self.reading.context.space_tables.note_read();
        let (store, known) = (self.reading.store, self.known);
        Ok(each_space(store, known, self.picture, None, |space| {
            visit(&space);
        })?)
    }

    /// Returns the rights in a space; `None` if it is not asked about.
    fn rights_of(&self, space: &Space) -> Option<RightsOf> {
        let mention = space.mention();
        let called = self.question.space.as_ref();
        called
            .is_none_or(|called| mention.is_called(called))
            .then(|| RightsOf {
                not_known: not_known_of(space).collect(),
                roles: roles(space),
                grants: SpaceGrants::of(space, self.picture.grants()),
                mention,
            })
    }

    /// Reads some pages of users.
    fn users(&self, n_pages: usize, after: Option<Id>) -> Result<UserPage, ControlError> {
        let (store, known) = (self.reading.store, self.known);
        let mut all = UserPage {
            users: Vec::new(),
            next: after,
        };
        for _ in 0..n_pages {
            let page = self
                .picture
                .users(store, known, all.next.as_ref(), MAX_PAGE)?;
            all.users.extend(page.users);
            all.next = page.next;
            if all.next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Adds the rights of these users in all spaces.
    fn look(
        &self,
        table: Option<&RightsTable>,
        (users, place): (&[User], Part),
        rows: &mut PageRows<SpaceRightRow>,
        answer: &mut SpaceRightsPage,
    ) -> Result<(), ControlError> {
        let look = if let Some(table) = table {
            for of_space in &table.spaces {
                self.space(of_space, (users, place), rows, answer)?;
            }
            table.look
        } else {
            let mut outcome = Ok(());
            let look = self.each_space(|space| {
                if outcome.is_ok()
                    && let Some(of_space) = self.rights_of(space)
                {
                    outcome = self.space(&of_space, (users, place), rows, answer);
                }
            })?;
            outcome?;
            look
        };
        answer.is_on = look.is_on;
        answer.read_at = look.read;
        if look.is_on || self.question.space.is_some() {
            note_look(&mut answer.page.envelope, look);
        }
        let asks_for_all = self.question.which == Which::Own
            && self.question.space.is_none()
            && self.question.roles.is_empty();
        if look.is_on && asks_for_all {
            let not_known = &mut answer.page.envelope.not_known;
            not_known.insert(NotKnown::PersonalSpaces);
        }
        Ok(())
    }

    fn space(
        &self,
        of_space: &RightsOf,
        (users, place): (&[User], Part),
        rows: &mut PageRows<SpaceRightRow>,
        answer: &mut SpaceRightsPage,
    ) -> Result<(), ControlError> {
        let RightsOf {
            mention,
            not_known,
            roles,
            grants,
        } = of_space;
        if self.question.space.is_some() && place != Part::Again {
            answer.spaces.push(mention.clone());
        }
        for what in not_known {
            envelope::note(&mut answer.page.envelope.not_known, what.clone());
        }
        if place == Part::First {
            answer.roles.extend(roles.iter().cloned());
            self.everybody(mention, grants, answer)?;
        }
        for user in users.iter().filter(|user| grants.has_own(user)) {
            if !rows.takes(&user.id.0) {
                break;
            }
            let rights = grants.rights_of(user);
            let given = grants.given_to(user);
            for (right, paths) in wanted(self.question.which, &rights) {
                let row = self.row(user, (mention, right), paths, given.get(right))?;
                if self.is_asked(&row.right) {
                    rows.add(&user.id.0, row);
                }
            }
        }
        Ok(())
    }

    fn everybody(
        &self,
        space: &SpaceMention,
        grants: &SpaceGrants,
        answer: &mut SpaceRightsPage,
    ) -> Result<(), ControlError> {
        for (right, paths) in grants.everybodys().rights() {
            let right = right.of(space.clone());
            if self.is_asked(&right) {
                answer.everybody.push(SpaceEverybodyRight {
                    right,
                    paths: self.shown(&paths)?,
                    users: self.picture.n_users(self.reading.store, self.known)?,
                });
            }
        }
        Ok(())
    }

    fn row(
        &self,
        user: &User,
        (space, right): (&SpaceMention, &SpaceRight),
        paths: &BTreeSet<Path>,
        given: Option<&Given>,
    ) -> Result<SpaceRightRow, ControlError> {
        let by = given.and_then(|given| given.by.as_ref());
        Ok(SpaceRightRow {
            user: AccessPerson::of(user, self.at),
            right: right.clone().of(space.clone()),
            paths: self.shown(paths)?,
            since: given.and_then(|given| given.since),
            given_by: match by {
                Some(by) => Some(self.giver(by)?),
                None => None,
            },
        })
    }

    fn is_asked(&self, right: &Right) -> bool {
        let roles = &self.question.roles;
        roles.is_empty() || roles.iter().any(|role| right.is_called(role))
    }

    fn giver(&self, id: &Id) -> Result<Giver, ControlError> {
        if let Some(giver) = self.givers.borrow().get(id) {
            return Ok(giver.clone());
        }
        let giver = dating::giver(self.reading.store, self.known, &UserId(id.clone()))?;
        self.givers.borrow_mut().insert(id.clone(), giver.clone());
        Ok(giver)
    }

    fn shown(&self, paths: &BTreeSet<Path>) -> Result<Vec<ShownPath>, ControlError> {
        let shown = paths.iter().map(|path| {
            let group = match path.group() {
                Some(group) => self.name_of(group)?,
                None => None,
            };
            Ok(ShownPath {
                path: path.clone(),
                group,
            })
        });
        shown.collect()
    }

    fn name_of(&self, group: &GroupId) -> Result<Option<String>, ControlError> {
        if let Some(name) = self.names.borrow().get(group) {
            return Ok(name.clone());
        }
        let name = self
            .picture
            .name_of(self.reading.store, self.known, group)?;
        self.names.borrow_mut().insert(group.clone(), name.clone());
        Ok(name)
    }
}

/// Returns the roles that somebody has in a space, or in something shared from it.
fn roles(space: &Space) -> BTreeSet<String> {
    let assigned = space.assignments.iter().flatten();
    let assigned = assigned.flat_map(|(_, assignment)| assignment.roles.iter().cloned());
    let shared = space.shares.iter().flatten();
    let shared = shared.flat_map(|(_, share)| share.roles.iter().cloned());
    let owner = space
        .head
        .owner
        .iter()
        .map(|_| crate::model::OWNER.to_owned());
    assigned.chain(shared).chain(owner).collect()
}

/// Returns the requested rights of a user in a space: all that the user has by a path that not
/// everybody has, or only those of them with several paths, where the roles in the space count
/// together.
fn wanted(
    which: Which,
    rights: &SpacePaths,
) -> impl Iterator<Item = (&SpaceRight, &BTreeSet<Path>)> {
    let is_role = |right: &SpaceRight| match right {
        SpaceRight::Role(_) => true,
        SpaceRight::App { .. } => false,
    };
    let to_space = rights.iter().filter(|(right, _)| is_role(right));
    let to_space: BTreeSet<&Path> = to_space.flat_map(|(_, paths)| paths).collect();
    let has_several = to_space.len() > 1;
    rights.iter().filter(move |(right, paths)| {
        let is_own = paths.iter().any(|path| !path.is_everybodys());
        is_own
            && match which {
                Which::Own => true,
                Which::Redundant => paths.len() > 1 || has_several && is_role(right),
                // Only a question about one space can ask who could take a role.
                Which::Potential => false,
            }
    })
}

#[cfg(test)]
mod tests;
