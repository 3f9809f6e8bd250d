//! Lists the spaces of a tenant, and those that one user owns.

use std::collections::BTreeMap;

use crate::control::reading::Reading;
use crate::control::{ControlError, Query, page, query};
use crate::history::{Picture, spaces_after};
use crate::model::{Id, Space, SpaceId, Timestamp, UserId};
use crate::store::Known;

use super::answers::{AccessPage, AccessPerson, NotKnown};
use super::envelope;
use super::listed_space::{ListedSpace, Owned, SpaceChoice, SpaceOwner, SpacesPage, links};
use super::space::{note_look, note_unseen};
use super::user_spaces::mention;

impl Query for query::Spaces {
    type Answer = SpacesPage;

    fn about(&self) -> &'static str {
        "spaces"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, self.at)?;
        let asked = Asked {
            reading,
            known,
            picture: &picture,
            choice: self.choice,
            at: self.at,
        };
        asked.page(self.after, self.limit)
    }
}

impl Query for query::Owned {
    type Answer = Owned;

    fn about(&self) -> &'static str {
        "what a user owns"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, self.at)?;
        let user = picture.user(reading.store, known, &self.user)?;
        let asked = Asked {
            reading,
            known,
            picture: &picture,
            choice: SpaceChoice {
                owner: Some(self.user),
                ..SpaceChoice::default()
            },
            at: self.at,
        };
        let mut spaces = asked.page(self.after, self.limit)?;
        let envelope = &mut spaces.page.envelope;
        envelope.not_known.insert(NotKnown::OtherThings);
        let at = envelope.as_of;
        Ok(Owned {
            user: user.map(|user| AccessPerson::of(&user, at)),
            spaces,
        })
    }
}

/// A question about the spaces of a tenant, with what is needed to answer it.
struct Asked<'a> {
    reading: &'a Reading<'a>,
    known: &'a Known,
    picture: &'a Picture,
    choice: SpaceChoice,
    at: Option<Timestamp>,
}

impl Asked<'_> {
    fn page(&self, after: Option<Id>, limit: usize) -> Result<SpacesPage, ControlError> {
        let Self {
            reading,
            known,
            picture,
            at,
            ..
        } = self;
        let mut envelope = envelope::begin(reading, known, picture, *at, Some(&[]))?;
        // Spaces are listed without the roles of the tenant.
        envelope.not_known.remove(&NotKnown::Roles);
        let after = after.map(SpaceId);
        let limit = page::size(limit);
        let wanted = |space: &Space| self.choice.takes(space);
        let found = spaces_after(reading.store, known, picture, after.as_ref(), limit, wanted)?;
        note_look(&mut envelope, found.look);
        let mut owners = Owners {
            asked: self,
            at: envelope.as_of,
            met: BTreeMap::new(),
        };
        let mut rows = Vec::new();
        for space in &found.spaces {
            note_unseen(&mut envelope, space);
            rows.push(row(space, owners.of(space)?));
        }
        Ok(SpacesPage {
            page: AccessPage {
                envelope,
                rows,
                next: found.next.map(|id| id.0),
            },
            read_at: found.look.read,
        })
    }
}

/// The owners of spaces, each looked up once: a few users own most spaces.
struct Owners<'a> {
    asked: &'a Asked<'a>,
    at: Timestamp,
    met: BTreeMap<UserId, SpaceOwner>,
}

impl Owners<'_> {
    fn of(&mut self, space: &Space) -> Result<Option<SpaceOwner>, ControlError> {
        let Some(id) = &space.head.owner else {
            return Ok(None);
        };
        if let Some(owner) = self.met.get(id) {
            return Ok(Some(owner.clone()));
        }
        let Asked {
            reading,
            known,
            picture,
            ..
        } = self.asked;
        let user = picture.user(reading.store, known, id)?;
        let owner = SpaceOwner {
            id: id.clone(),
            user: user.map(|user| AccessPerson::of(&user, self.at)),
        };
        self.met.insert(id.clone(), owner.clone());
        Ok(Some(owner))
    }
}

fn row(space: &Space, owner: Option<SpaceOwner>) -> ListedSpace {
    let Space {
        id: _,
        head,
        assignments,
        shares,
    } = space;
    ListedSpace {
        space: mention(space),
        owner,
        created_at: head.created_at,
        assignments: assignments.as_ref().map(|them| them.len() as u64),
        shares: shares.as_ref().map(|them| them.len() as u64),
        links: links(space).collect(),
        unseen: head.unseen.clone(),
    }
}
