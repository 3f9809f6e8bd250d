//! Finds the spaces of one name or with one app, page by page.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::PERSONAL;
use crate::control::query::Opened;
use crate::control::reading::Reading;
use crate::control::{ControlError, Page, SpacePosition, page, query};
use crate::history::{FoundSpaces, Picture, SpacesLook, each_space, spaces_after};
use crate::model::{
    AppPlace, Id, Space, SpaceHead, SpaceId, SpaceMention, SpacePart, Timestamp, UserId,
};
use crate::store::Known;
use crate::sync::AppAnswer;

use super::answers::NotKnown;
use super::app_lack::AppLack;

/// The spaces that a question is about, as far as they were found.
pub(super) struct Found {
    /// The spaces that are on the page.
    pub(super) page: Page<SpaceMention, SpaceId>,
    /// The space, if it is the only one that is found.
    pub(super) only: Option<Space>,
    pub(super) look: SpacesLook,
    /// How many spaces do not show their shares, of those that may share the app.
    pub(super) n_hidden: u64,
    /// What is not known of the place of the app.
    pub(super) not_known: BTreeSet<NotKnown>,
}

impl Found {
    /// Finds the spaces that a question is about, as many as belong on its page.
    pub(super) fn of(
        reading: &Reading<'_>,
        known: &Known,
        picture: &Picture,
        asked: &query::SpaceAccess,
    ) -> Result<Self, ControlError> {
        let after = match &asked.after {
            Some(SpacePosition::Found(id)) => Some(id),
            Some(
                SpacePosition::Assigned(_) | SpacePosition::Shared(_) | SpacePosition::User(_),
            )
            | None => None,
        };
        let limit = page::size(asked.limit);
        let wanted = Wanted {
            reading,
            known,
            picture,
            at: asked.at,
            after,
            n_hidden: Cell::new(0),
            // With a limit of one, we could not tell whether a space is the only one.
            limit: limit.max(2),
        };
        let mut not_known = BTreeSet::new();
        let FoundSpaces {
            mut spaces,
            next,
            look,
        } = match &asked.opened {
            Opened::Space(called) => wanted.called(called)?,
            Opened::App(app) => {
                let mut found = wanted.with(app)?;
                if found.spaces.is_empty() && after.is_none() {
                    match wanted.placed(app)? {
                        Ok(space) => found.spaces.push(space),
                        Err(lack) => drop(not_known.insert(NotKnown::App { lack })),
                    }
                }
                let mut spaces = found.spaces.iter();
                if let Some(personal) = spaces.find(|space| is_personal(space)) {
                    not_known.insert(NotKnown::PersonalSpaces);
                    if personal.head.owner.is_none() {
                        let lack = AppLack::NoOwner;
                        not_known.insert(NotKnown::App { lack });
                    }
                }
                found
            }
        };
        let has_more = next.is_some() || spaces.len() > limit;
        let rows: Vec<SpaceMention> = spaces.iter().take(limit).map(Space::mention).collect();
        let next = rows.last().filter(|_| has_more);
        let next = next.map(|last| last.id.clone());
        let is_only_one = after.is_none() && spaces.len() == 1;
        Ok(Self {
            page: Page { rows, next },
            only: spaces.pop().filter(|_| is_only_one),
            look,
            n_hidden: wanted.n_hidden.get(),
            not_known,
        })
    }
}

/// Which spaces to look for.
struct Wanted<'a> {
    reading: &'a Reading<'a>,
    known: &'a Known,
    picture: &'a Picture,
    at: Option<Timestamp>,
    after: Option<&'a SpaceId>,
    limit: usize,
    n_hidden: Cell<u64>,
}

impl Wanted<'_> {
    /// Finds the spaces that have this id, or else this name. Letter case is ignored.
    fn called(&self, called: &str) -> Result<FoundSpaces, ControlError> {
        let (store, known, picture) = (self.reading.store, self.known, self.picture);
        if let Ok(id) = Id::parse(called) {
            let mut spaces = Vec::new();
            let look = each_space(store, known, picture, Some(&SpaceId(id)), |space| {
                spaces.push(space);
            })?;
            if !spaces.is_empty() {
                spaces.retain(|space| self.after.is_none_or(|after| *after < space.id));
                return Ok(FoundSpaces {
                    spaces,
                    next: None,
                    look,
                });
            }
        }
        let called = called.to_lowercase();
        let is_called = |space: &Space| space.head.name.to_lowercase() == called;
        Ok(spaces_after(
            store, known, picture, self.after, self.limit, is_called,
        )?)
    }

    /// Finds the spaces that share an app, without their other shares.
    fn with(&self, app: &str) -> Result<FoundSpaces, ControlError> {
        let (store, known, picture) = (self.reading.store, self.known, self.picture);
        let has_app = |space: &Space| {
            if space.head.unseen.contains(&SpacePart::Shares) {
                self.n_hidden.set(self.n_hidden.get() + 1);
            }
            space.shares_resource(app)
        };
        let mut found = spaces_after(store, known, picture, self.after, self.limit, has_app)?;
        for space in &mut found.spaces {
            keep_shares_of(space, app);
        }
        Ok(found)
    }

    /// Returns the space of an app that no share names, as its source said when it was asked; or
    /// why that is not known.
    fn placed(&self, app: &str) -> Result<Result<Space, AppLack>, ControlError> {
        let (store, known, picture) = (self.reading.store, self.known, self.picture);
        if self.at.is_some() {
            return Ok(Err(AppLack::Earlier));
        }
        let told = self.reading.context.app_places.get(&known.name, app);
        let place = match told {
            None => return Ok(Err(AppLack::NotAsked)),
            Some(AppAnswer::Paused) => return Ok(Err(AppLack::Paused)),
            Some(AppAnswer::Refused) => return Ok(Err(AppLack::Refused)),
            Some(AppAnswer::NoAnswer) => return Ok(Err(AppLack::NoAnswer)),
            Some(AppAnswer::Place(place)) => place,
        };
        let id = match place {
            AppPlace::NotShown => return Ok(Err(AppLack::NotShown)),
            AppPlace::Unreadable => return Ok(Err(AppLack::Unreadable)),
            AppPlace::Personal(owner) => return Ok(Ok(personal_space(owner))),
            AppPlace::Space(id) => id,
        };
        let mut found = None;
        each_space(store, known, picture, Some(&id), |mut space| {
            keep_shares_of(&mut space, app);
            found = Some(space);
        })?;
        Ok(found.ok_or(AppLack::UnknownSpace(id)))
    }
}

/// Leaves out the shares of other resources.
fn keep_shares_of(space: &mut Space, app: &str) {
    if let Some(shares) = &mut space.shares {
        shares.retain(|_, share| share.resource.as_deref() == Some(app));
    }
}

/// Returns a personal space, which is not stored: only its owner has a role in it. Its id is the
/// word that the source has for any such space.
fn personal_space(owner: Option<UserId>) -> Space {
    Space {
        id: SpaceId(Id::parse(PERSONAL).expect("a word is an id")),
        head: SpaceHead {
            name: "personal space".to_owned(),
            sort: Some(PERSONAL.to_owned()),
            owner,
            created_at: None,
            unseen: BTreeSet::new(),
        },
        assignments: Some(BTreeMap::new()),
        shares: Some(BTreeMap::new()),
        partial: BTreeSet::new(),
    }
}

fn is_personal(space: &Space) -> bool {
    space.head.sort.as_deref() == Some(PERSONAL)
}
