//! Who can open a space, by which path, since when; and which spaces a user can open.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{self, ShareGrant, SpaceGrant, SpaceGrants};
use crate::control::page::{self, PageBuilder};
use crate::control::query::{Opened, Which};
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{
    AnswerPart, AskedApp, ControlError, MAX_PAGE, Query, SpacePosition, UserAccessPosition, query,
};
use crate::history::{Picture, SpacesLook, each_space};
use crate::model::{
    Assignee, GroupId, Id, Kind, RecordRef, Role, Space, SpaceId, SpaceMention, SpacePart,
    Timestamp, User, UserId,
};
use crate::store::Known;

use super::answers::{AccessPerson, Envelope, NotKnown};
use super::envelope;
use super::found_spaces::Found;
use super::space_answers::{SpaceAccess, SpaceEntry, SpaceEverybody, SpaceRow, SpaceShown};
use super::user_spaces::{UserSpace, UserSpaces};

impl Query for query::SpaceAccess {
    type Answer = SpaceAccess;

    fn about(&self) -> &'static str {
        "who can open a space"
    }

    /// Returns the app, if the question is where it is now.
    fn app(&self) -> Option<AskedApp> {
        match (&self.opened, self.at) {
            (Opened::App(app), None) => Some(AskedApp {
                tenant: self.tenant.clone(),
                id: app.clone(),
                part: match self.after {
                    None => AnswerPart::First,
                    Some(_) => AnswerPart::Later,
                },
            }),
            (Opened::App(_), Some(_)) | (Opened::Space(_), _) => None,
        }
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, self.at)?;
        let mut envelope = envelope::begin(reading, known, &picture, self.at, Some(&[]))?;
        let found = Found::of(reading, known, &picture, &self)?;
        note_look(&mut envelope, found.look);
        envelope.not_known.extend(found.not_known);
        if found.n_hidden > 0 && self.after.is_none() {
            let spaces = found.n_hidden;
            envelope.not_known.insert(NotKnown::Shares { spaces });
        }
        let mut answer = SpaceAccess {
            envelope,
            read_at: found.look.read,
            found: found.page.rows,
            space: None,
            rows: Vec::new(),
            next: found.page.next.map(SpacePosition::Found),
        };
        let Some(space) = &found.only else {
            return Ok(answer);
        };
        note_unseen(&mut answer.envelope, space);
        let grants = SpaceGrants::of(space, picture.grants());
        let asked = Asked {
            reading,
            known,
            picture: &picture,
            space,
            grants: &grants,
            at: answer.envelope.as_of,
        };
        let mut entries = Vec::new();
        if let Some(user) = &self.user {
            answer.rows = asked.of_user(user, &mut answer.envelope)?;
        } else {
            let mut builder = PageBuilder::begin(self.after.clone(), page::size(self.limit));
            entries = asked.entries(&mut builder)?;
            answer.next = builder.full().cloned();
            if answer.next.is_none() {
                let after = match self.after {
                    Some(SpacePosition::User(id)) => Some(id),
                    Some(
                        SpacePosition::Found(_)
                        | SpacePosition::Assigned(_)
                        | SpacePosition::Shared(_),
                    )
                    | None => None,
                };
                asked.of_all(self.which, after, builder.left(), &mut answer)?;
            }
        }
        answer.space = Some(asked.shown(entries, &answer.rows)?);
        Ok(answer)
    }
}

/// A question about a space, with what is needed to answer it.
struct Asked<'a> {
    reading: &'a Reading<'a>,
    known: &'a Known,
    picture: &'a Picture,
    space: &'a Space,
    grants: &'a SpaceGrants,
    at: Timestamp,
}

impl Asked<'_> {
    /// Describes the space, with these entries and the names for these rows.
    fn shown(
        &self,
        entries: Vec<SpaceEntry>,
        rows: &[SpaceRow],
    ) -> Result<SpaceShown, ControlError> {
        let head = &self.space.head;
        let everybodys = self.grants.everybodys();
        let everybody = match everybodys.is_empty() {
            true => None,
            false => Some(SpaceEverybody {
                grants: everybodys.space.clone(),
                shares: everybodys.shares.clone(),
                users: self.picture.n_users(self.reading.store, self.known)?,
            }),
        };
        Ok(SpaceShown {
            space: self.space.mention(),
            owner: head.owner.clone(),
            created_at: head.created_at,
            unseen: head.unseen.clone(),
            everybody,
            names: self.names(rows, &entries)?,
            entries,
        })
    }

    /// Lists the assignments to groups and to assignees that are not known, and all shares, as far
    /// as they belong on the page.
    fn entries(
        &self,
        builder: &mut PageBuilder<SpacePosition>,
    ) -> Result<Vec<SpaceEntry>, ControlError> {
        let mut assigned = Vec::new();
        for (assignee, assignment) in self.space.assignments.iter().flatten() {
            // One more than belongs on the page shows that another page follows.
            if assigned.len() > builder.left() {
                break;
            }
            if !builder.reaches(&SpacePosition::Assigned(assignee.clone())) {
                continue;
            }
            if let Some(user) = assignee.user()
                && self.user(&user)?.is_some()
            {
                // The user has a row already.
                continue;
            }
            let name = match assignee.group() {
                Some(group) => self.group(&group)?,
                None => None,
            };
            assigned.push((assignee.clone(), name, assignment.clone()));
        }
        let assigned = builder.take(assigned, |(assignee, ..)| {
            SpacePosition::Assigned(assignee.clone())
        });
        let mut shared = Vec::new();
        for (id, share) in self.space.shares.iter().flatten() {
            if shared.len() > builder.left() {
                break;
            }
            if !builder.reaches(&SpacePosition::Shared(id.clone())) {
                continue;
            }
            let with = share.assignee();
            let group = with.as_ref().and_then(Assignee::group);
            let user = with.as_ref().and_then(Assignee::user);
            let name = match (group, user) {
                (Some(group), _) => self.group(&group)?,
                (None, Some(user)) => self.user(&user)?.map(|user| user.label().to_owned()),
                (None, None) => None,
            };
            shared.push((id.clone(), name, share.clone()));
        }
        let shared = builder.take(shared, |(id, ..)| SpacePosition::Shared(id.clone()));
        let assigned =
            assigned
                .into_iter()
                .map(|(assignee, name, assignment)| SpaceEntry::Assigned {
                    assignee,
                    name,
                    assignment,
                });
        let shared = shared
            .into_iter()
            .map(|(id, name, share)| SpaceEntry::Shared { id, name, share });
        Ok(assigned.chain(shared).collect())
    }

    fn user(&self, id: &UserId) -> Result<Option<User>, ControlError> {
        Ok(self.picture.user(self.reading.store, self.known, id)?)
    }

    /// Returns the name of a group, or `None` if it is not known.
    fn group(&self, id: &GroupId) -> Result<Option<String>, ControlError> {
        group_name(self.reading, self.known, self.picture, id)
    }

    /// Returns the names for the paths of these users and of all users, and for these entries.
    fn names(
        &self,
        rows: &[SpaceRow],
        entries: &[SpaceEntry],
    ) -> Result<BTreeMap<Id, String>, ControlError> {
        let everybodys = self.grants.everybodys();
        let grants = rows.iter().flat_map(|row| &row.grants);
        let shares = rows.iter().flat_map(|row| &row.shares);
        let mut mentioned = Mentioned::default();
        mentioned.look(
            grants.chain(&everybodys.space),
            shares.chain(&everybodys.shares),
        );
        let creators = entries.iter().filter_map(|entry| match entry {
            SpaceEntry::Assigned { assignment, .. } => assignment.created_by.as_ref(),
            SpaceEntry::Shared { share, .. } => share.created_by.as_ref(),
        });
        mentioned.people.extend(creators);
        mentioned.names(self.reading, self.known, self.picture)
    }

    /// Returns the row of one user, even if the user has no path to the space.
    fn of_user(&self, id: &UserId, envelope: &mut Envelope) -> Result<Vec<SpaceRow>, ControlError> {
        let Some(user) = self.user(id)? else {
            return Ok(Vec::new());
        };
        note_user(&user, envelope);
        Ok(vec![self.row(&user, &self.administering())])
    }

    /// Adds the rows of a page of users to the answer.
    fn of_all(
        &self,
        which: Which,
        after: Option<Id>,
        limit: usize,
        answer: &mut SpaceAccess,
    ) -> Result<(), ControlError> {
        let administering = self.administering();
        let mut next = after;
        'read: for _ in 0..MAX_READ / MAX_PAGE {
            let store = self.reading.store;
            let page = self
                .picture
                .users(store, self.known, next.as_ref(), MAX_PAGE)?;
            for user in page.users {
                next = Some(user.id.0.clone());
                note_user(&user, &mut answer.envelope);
                if self.is_wanted(&user, which, &administering) {
                    answer.rows.push(self.row(&user, &administering));
                }
                if answer.rows.len() >= limit {
                    break 'read;
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        answer.next = next.map(SpacePosition::User);
        Ok(())
    }

    fn is_wanted(&self, user: &User, which: Which, administering: &[&Role]) -> bool {
        let own = self.grants.own(user);
        match which {
            Which::Own => !own.is_empty(),
            Which::Redundant => own.space.len() + self.grants.everybodys().space.len() > 1,
            Which::Potential => {
                let is_granted =
                    !own.space.is_empty() || !self.grants.everybodys().space.is_empty();
                !is_granted && self.could_by(user, administering).is_some()
            }
        }
    }

    fn row(&self, user: &User, administering: &[&Role]) -> SpaceRow {
        let mut grants = self.grants.own(user);
        let everybodys = self.grants.everybodys();
        grants.space.extend(everybodys.space.iter().cloned());
        grants.shares.extend(everybodys.shares.iter().cloned());
        let could_by = self.could_by(user, administering);
        SpaceRow {
            user: AccessPerson::of(user, self.at),
            grants: grants.space,
            shares: grants.shares,
            could_by: could_by.map(|role| self.picture.mention(&role.id, None)),
        }
    }

    /// Returns the roles in the tenant whose holders may take any role in the space.
    fn administering(&self) -> Vec<&Role> {
        let sort = self.space.head.sort.as_deref();
        let roles = self.picture.roles();
        roles
            .filter(|role| access::administers(role, sort))
            .collect()
    }

    fn could_by<'r>(&self, user: &User, administering: &[&'r Role]) -> Option<&'r Role> {
        if administering.is_empty() {
            return None;
        }
        let by_role = self.picture.grants().roles_of(user);
        let mut roles = administering.iter();
        roles.find(|role| by_role.contains_key(&role.id)).copied()
    }
}

/// Notes if it is not visible which groups a user is in: one of them may be assigned.
pub(super) fn note_user(user: &User, envelope: &mut Envelope) {
    if user.groups.is_none() {
        let what = NotKnown::User {
            id: user.id.clone(),
            name: user.label().to_owned(),
        };
        envelope::note(&mut envelope.not_known, what);
    }
}

/// Returns which spaces a user can open, as many as belong on the page; `None` if spaces are not
/// read.
pub(super) fn of_user(
    (reading, known): (&Reading<'_>, &Known),
    picture: &Picture,
    user: &User,
    builder: &mut PageBuilder<UserAccessPosition>,
    envelope: &mut Envelope,
) -> Result<Option<UserSpaces>, ControlError> {
    let mut spaces: BTreeMap<SpaceId, UserSpace> = BTreeMap::new();
    let look = each_space(reading.store, known, picture, None, |space| {
        note_unseen(envelope, &space);
        let grants = SpaceGrants::of(&space, picture.grants());
        let mut own = grants.own(user);
        let everybodys = grants.everybodys();
        own.space.extend(everybodys.space.iter().cloned());
        own.shares.extend(everybodys.shares.iter().cloned());
        if own.is_empty() || !builder.reaches(&UserAccessPosition::Space(space.id.clone())) {
            return;
        }
        let of_user = UserSpace {
            space: space.mention(),
            grants: own.space,
            shares: own.shares,
        };
        spaces.insert(space.id, of_user);
        // One more than belongs on the page shows that another page follows.
        if spaces.len() > builder.left() + 1 {
            spaces.pop_last();
        }
    })?;
    if !look.is_on {
        return Ok(None);
    }
    note_look(envelope, look);
    envelope.not_known.insert(NotKnown::PersonalSpaces);
    let spaces = builder.take(spaces.into_values(), |of_user| {
        UserAccessPosition::Space(of_user.space.id.clone())
    });
    let grants = spaces.iter().flat_map(|of_user| &of_user.grants);
    let shares = spaces.iter().flat_map(|of_user| &of_user.shares);
    let mut mentioned = Mentioned::default();
    mentioned.look(grants, shares);
    let names = mentioned.names(reading, known, picture)?;
    Ok(Some(UserSpaces {
        read_at: look.read,
        names,
        spaces,
    }))
}

/// The groups and people that some paths mention.
#[derive(Debug, Default)]
struct Mentioned<'a> {
    groups: BTreeSet<&'a GroupId>,
    /// Whoever created what gives the paths.
    people: BTreeSet<&'a Id>,
}

impl<'a> Mentioned<'a> {
    fn look(
        &mut self,
        grants: impl Iterator<Item = &'a SpaceGrant>,
        shares: impl Iterator<Item = &'a ShareGrant>,
    ) {
        for grant in grants {
            self.groups.extend(grant.path.group());
            self.people.extend(&grant.by);
        }
        for share in shares {
            self.groups.extend(share.path.group());
            self.people.extend(&share.by);
        }
    }

    /// Returns their names, as far as they are known.
    fn names(
        self,
        reading: &Reading<'_>,
        known: &Known,
        picture: &Picture,
    ) -> Result<BTreeMap<Id, String>, ControlError> {
        let mut names = BTreeMap::new();
        for group in self.groups {
            if let Some(name) = group_name(reading, known, picture, group)? {
                names.insert(group.0.clone(), name);
            }
        }
        for id in self.people {
            let user = UserId(id.clone());
            if let Some(user) = picture.user(reading.store, known, &user)? {
                names.insert(id.clone(), user.label().to_owned());
            }
        }
        Ok(names)
    }
}

/// Returns the name of a group. A picture has the names only of groups that give or hide roles; of
/// any other group this is the present name.
fn group_name(
    reading: &Reading<'_>,
    known: &Known,
    picture: &Picture,
    id: &GroupId,
) -> Result<Option<String>, ControlError> {
    if let Some(name) = picture.group_name(id) {
        return Ok(Some(name.to_owned()));
    }
    let record = RecordRef {
        kind: Kind::Group,
        id: id.0.clone(),
    };
    let kept = reading.store.get(known.no, &record)?;
    Ok(kept.map(|kept| kept.record.label().to_owned()))
}

pub(super) fn note_look(envelope: &mut Envelope, look: SpacesLook) {
    if look.read.is_none() {
        envelope.not_known.insert(NotKnown::Spaces);
    }
    if look.n_unread > 0 {
        let spaces = look.n_unread;
        envelope.not_known.insert(NotKnown::UnreadSpaces { spaces });
    }
    if look.has_gap {
        envelope.not_known.insert(NotKnown::History);
    }
}

/// Notes which parts of a space are not visible.
pub(super) fn note_unseen(envelope: &mut Envelope, space: &Space) {
    for what in not_known_of(space) {
        envelope::note(&mut envelope.not_known, what);
    }
}

/// Returns which parts of a space are not visible.
pub(super) fn not_known_of(space: &Space) -> impl Iterator<Item = NotKnown> {
    let parts = space.head.unseen.iter();
    parts.map(move |part| unseen(&space.mention(), *part, [space]))
}

/// Says that a part of a space is not visible, or that it is a list which is too long, at one of
/// the times of which these are the states of the space.
pub(super) fn unseen<'a>(
    space: &SpaceMention,
    part: SpacePart,
    states: impl IntoIterator<Item = &'a Space>,
) -> NotKnown {
    let (id, name) = (space.id.clone(), space.name.clone());
    match states.into_iter().any(|state| state.is_cut(part)) {
        true => NotKnown::LongList { id, name, part },
        false => NotKnown::PartOfSpace { id, name, part },
    }
}
