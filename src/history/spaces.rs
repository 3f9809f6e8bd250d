//! The spaces of a tenant, now or as they were at an earlier time: the present ones, with every
//! change since undone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::model::{Space, SpaceId, Timestamp};
use crate::store::{KeptSpace, Known, Store};

use super::error::HistoryError;
use super::past::covered;
use super::picture::Picture;
use super::space_pair::SpacePair;
use super::space_past::SpacePast;

/// How many spaces are read from the store at once.
const PAGE: usize = 100;

/// What is known about the spaces that were visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpacesLook {
    /// The time up to which the spaces are known: when the last complete reading of all spaces
    /// began, or the time asked about if that is earlier. `None` if no reading had ended by then:
    /// there may be spaces that were never read.
    pub read: Option<Timestamp>,
    /// Whether spaces were ever asked for.
    pub is_on: bool,
    /// How many spaces the last complete reading could not read, without anything known about them
    /// from before.
    pub n_unread: u64,
    /// Whether a part of what happened since that time could not be read.
    pub has_gap: bool,
}

/// Visits the spaces of a tenant as they were at the time of a picture, in the order of their ids.
/// `only` limits this to one space.
pub fn each_space(
    store: &Store,
    known: &Known,
    picture: &Picture,
    only: Option<&SpaceId>,
    mut visit: impl FnMut(Space),
) -> Result<SpacesLook, HistoryError> {
    let span = match only {
        Some(id) => Span::One(id),
        None => Span::After(None),
    };
    walk(store, known, picture, span, |space| {
        visit(space);
        ControlFlow::Continue(())
    })
}

/// Visits the spaces of a tenant as they were at the times of two pictures, in the order of their
/// ids. Visits none if the spaces are unknown at one of these times.
pub fn each_space_pair(
    store: &Store,
    known: &Known,
    (before, after): (&Picture, &Picture),
    mut visit: impl FnMut(SpacePair),
) -> Result<(SpacesLook, SpacesLook), HistoryError> {
    let mut then = look_at(store, known, before)?;
    let mut now = look_at(store, known, after)?;
    if then.read.is_none() || now.read.is_none() {
        return Ok((then, now));
    }
    let mut pasts = Vec::new();
    for picture in [before, after] {
        if let Some(at) = picture.at() {
            pasts.push((picture, picture.take_space_past(store, known, at)?));
        }
    }
    each_id(
        store,
        known,
        &mut pasts,
        Span::After(None),
        |pasts, id, now| {
            let past_of = |picture: &Picture| {
                let past = pasts.iter().find(|(it, _)| std::ptr::eq(*it, picture));
                past.map(|(_, past)| past)
            };
            let at = |picture: &Picture| match past_of(picture) {
                Some(past) => past.then(id, now.clone()),
                None => now.clone(),
            };
            let (then, now) = (at(before), at(after));
            if then.is_some() || now.is_some() {
                visit(SpacePair {
                    id: id.clone(),
                    then,
                    now,
                });
            }
            ControlFlow::Continue(())
        },
    )?;
    for (picture, past) in pasts {
        let look = match std::ptr::eq(picture, before) {
            true => &mut then,
            false => &mut now,
        };
        look.has_gap = past.has_gap();
        picture.keep_space_past(past);
    }
    Ok((then, now))
}

/// Some spaces that were found.
#[derive(Debug)]
pub struct FoundSpaces {
    /// The spaces, in the order of their ids.
    pub spaces: Vec<Space>,
    /// The last of them; `None` if no other follows.
    pub next: Option<SpaceId>,
    /// What else was found out.
    pub look: SpacesLook,
}

/// Returns the first wanted spaces after an id, as they were at the time of a picture.
pub fn spaces_after(
    store: &Store,
    known: &Known,
    picture: &Picture,
    after: Option<&SpaceId>,
    limit: usize,
    is_wanted: impl Fn(&Space) -> bool,
) -> Result<FoundSpaces, HistoryError> {
    let mut spaces: Vec<Space> = Vec::new();
    let mut has_more = false;
    let look = walk(store, known, picture, Span::After(after), |space| {
        if !is_wanted(&space) {
            return ControlFlow::Continue(());
        }
        has_more = spaces.len() == limit;
        if has_more {
            return ControlFlow::Break(());
        }
        spaces.push(space);
        ControlFlow::Continue(())
    })?;
    Ok(FoundSpaces {
        next: spaces
            .last()
            .filter(|_| has_more)
            .map(|space| space.id.clone()),
        spaces,
        look,
    })
}

/// Which spaces are visited.
#[derive(Debug, Clone, Copy)]
enum Span<'a> {
    One(&'a SpaceId),
    After(Option<&'a SpaceId>),
}

impl Span<'_> {
    fn has(self, id: &SpaceId) -> bool {
        match self {
            Self::One(only) => only == id,
            Self::After(after) => after.is_none_or(|after| after < id),
        }
    }
}

/// Returns how far the spaces are known at the time of a picture. Whether there is a gap shows only
/// when they are visited.
fn look_at(store: &Store, known: &Known, picture: &Picture) -> Result<SpacesLook, HistoryError> {
    let reading = store.space_reading(known.no)?;
    let mut look = SpacesLook {
        read: reading.first.and(reading.mark.last),
        is_on: reading.mark.tried.is_some(),
        n_unread: reading.n_unread,
        has_gap: false,
    };
    if let Some(at) = picture.at() {
        covered(store, known, at)?;
        // The journal has no changes of spaces from before the first reading ended.
        let is_known = reading.first.is_some_and(|first| first <= at);
        look.read = look.read.map(|last| last.min(at)).filter(|_| is_known);
    }
    Ok(look)
}

fn walk(
    store: &Store,
    known: &Known,
    picture: &Picture,
    span: Span<'_>,
    mut visit: impl FnMut(Space) -> ControlFlow<()>,
) -> Result<SpacesLook, HistoryError> {
    let mut look = look_at(store, known, picture)?;
    let mut pasts = Vec::new();
    if let Some(at) = picture.at() {
        if look.read.is_none() {
            return Ok(look);
        }
        pasts.push((picture, picture.take_space_past(store, known, at)?));
    }
    each_id(store, known, &mut pasts, span, |pasts, id, now| {
        let then = match pasts.first() {
            Some((_, past)) => past.then(id, now),
            None => now,
        };
        match then {
            Some(space) => visit(space),
            None => ControlFlow::Continue(()),
        }
    })?;
    for (picture, past) in pasts {
        look.has_gap = past.has_gap();
        picture.keep_space_past(past);
    }
    Ok(look)
}

/// A picture, and what has happened to spaces since its time.
type PastOf<'a> = (&'a Picture, SpacePast);

/// Visits the present spaces, and the changed ones that are gone by now, in the order of their ids.
/// Adds to `pasts` what happens meanwhile.
fn each_id(
    store: &Store,
    known: &Known,
    pasts: &mut [PastOf<'_>],
    span: Span<'_>,
    mut visit: impl FnMut(&[PastOf<'_>], &SpaceId, Option<Space>) -> ControlFlow<()>,
) -> Result<(), HistoryError> {
    let mut after = match span {
        Span::One(_) => None,
        Span::After(after) => after.cloned(),
    };
    loop {
        let (page, is_last): (Vec<KeptSpace>, bool) = match span {
            Span::One(id) => (store.space(known.no, id)?.into_iter().collect(), true),
            Span::After(_) => {
                let page = store.spaces(known.no, after.as_ref(), PAGE)?;
                let is_last = page.len() < PAGE;
                (page, is_last)
            }
        };
        let last = page.last().map(|kept| kept.space.id.clone());
        let last = last.filter(|_| !is_last);
        let mut spaces: BTreeMap<SpaceId, Option<Space>> = BTreeMap::new();
        for (_, past) in pasts.iter_mut() {
            past.catch_up(store, known, &page)?;
            // A changed space that is gone by now is not in the page.
            let changed = past.changed(after.as_ref(), last.as_ref());
            let changed = changed.filter(|id| span.has(id));
            spaces.extend(changed.map(|id| (id.clone(), None)));
        }
        let kept = page.into_iter().map(|kept| kept.space);
        spaces.extend(kept.map(|space| (space.id.clone(), Some(space))));
        for (id, now) in spaces {
            if visit(pasts, &id, now).is_break() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
        after = last;
    }
}

#[cfg(test)]
mod tests;
