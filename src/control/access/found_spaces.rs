//! Finds the spaces of one name or with one app, page by page.

use std::cell::Cell;

use crate::control::query::Opened;
use crate::control::reading::Reading;
use crate::control::{ControlError, Page, SpacePosition, page, query};
use crate::history::{FoundSpaces, Picture, SpacesLook, each_space, spaces_after};
use crate::model::{Id, Space, SpaceId, SpaceMention, SpacePart};
use crate::store::Known;

use super::user_spaces::mention;

/// The spaces that a question is about, as far as they were found.
pub(super) struct Found {
    /// The spaces that are on the page.
    pub(super) page: Page<SpaceMention, SpaceId>,
    /// The space, if it is the only one that is found.
    pub(super) only: Option<Space>,
    pub(super) look: SpacesLook,
    /// How many spaces do not show their shares, of those that may share the app.
    pub(super) n_hidden: u64,
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
            after,
            n_hidden: Cell::new(0),
            // With a limit of one, we could not tell whether a space is the only one.
            limit: limit.max(2),
        };
        let FoundSpaces {
            mut spaces,
            next,
            look,
        } = match &asked.opened {
            Opened::Space(called) => wanted.called(called)?,
            Opened::App(app) => wanted.with(app)?,
        };
        let has_more = next.is_some() || spaces.len() > limit;
        let rows: Vec<SpaceMention> = spaces.iter().take(limit).map(mention).collect();
        let next = rows.last().filter(|_| has_more);
        let next = next.map(|last| last.id.clone());
        let is_only_one = after.is_none() && spaces.len() == 1;
        Ok(Self {
            page: Page { rows, next },
            only: spaces.pop().filter(|_| is_only_one),
            look,
            n_hidden: wanted.n_hidden.get(),
        })
    }
}

/// Which spaces to look for.
struct Wanted<'a> {
    reading: &'a Reading<'a>,
    known: &'a Known,
    picture: &'a Picture,
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
    fn with(&self, app: &String) -> Result<FoundSpaces, ControlError> {
        let (store, known, picture) = (self.reading.store, self.known, self.picture);
        let has_app = |space: &Space| {
            if space.head.unseen.contains(&SpacePart::Shares) {
                self.n_hidden.set(self.n_hidden.get() + 1);
            }
            let mut shares = space.shares.iter().flat_map(|shares| shares.values());
            shares.any(|share| share.resource.as_ref() == Some(app))
        };
        let mut found = spaces_after(store, known, picture, self.after, self.limit, has_app)?;
        for shares in found.spaces.iter_mut().filter_map(|it| it.shares.as_mut()) {
            shares.retain(|_, share| share.resource.as_ref() == Some(app));
        }
        Ok(found)
    }
}
