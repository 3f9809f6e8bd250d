//! The spaces of a tenant, now or as they were at an earlier time: the present ones, with every
//! change since undone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::model::{Space, SpaceId, Timestamp};
use crate::store::{KeptSpace, Known, Store};

use super::error::HistoryError;
use super::past::covered;
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

/// Visits the spaces of a tenant as they were at a time; if `at` is `None`, as they are now. `only`
/// limits this to one space.
pub fn each_space(
    store: &Store,
    known: &Known,
    at: Option<Timestamp>,
    only: Option<&SpaceId>,
    mut visit: impl FnMut(Space),
) -> Result<SpacesLook, HistoryError> {
    let span = match only {
        Some(id) => Span::One(id),
        None => Span::After(None),
    };
    walk(store, known, at, span, |space| {
        visit(space);
        ControlFlow::Continue(())
    })
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

/// Returns the first spaces after one that are wanted, as they were at a time. `None` means now.
pub fn spaces_after(
    store: &Store,
    known: &Known,
    at: Option<Timestamp>,
    after: Option<&SpaceId>,
    limit: usize,
    is_wanted: impl Fn(&Space) -> bool,
) -> Result<FoundSpaces, HistoryError> {
    let mut found: BTreeMap<SpaceId, Space> = BTreeMap::new();
    let look = walk(store, known, at, Span::After(after), |space| {
        if is_wanted(&space) {
            found.insert(space.id.clone(), space);
        }
        let is_full = found.len() > limit;
        match at {
            // Present spaces come in the order of their ids.
            None if is_full => ControlFlow::Break(()),
            // Spaces that are gone by now come last, so we must visit all.
            Some(_) if found.len() > limit + 1 => {
                found.pop_last();
                ControlFlow::Continue(())
            }
            None | Some(_) => ControlFlow::Continue(()),
        }
    })?;
    let has_more = found.len() > limit;
    let spaces: Vec<Space> = found.into_values().take(limit).collect();
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

fn walk(
    store: &Store,
    known: &Known,
    at: Option<Timestamp>,
    span: Span<'_>,
    mut visit: impl FnMut(Space) -> ControlFlow<()>,
) -> Result<SpacesLook, HistoryError> {
    let reading = store.space_reading(known.no)?;
    let mut look = SpacesLook {
        read: reading.first.and(reading.mark.last),
        is_on: reading.mark.tried.is_some(),
        n_unread: reading.n_unread,
        has_gap: false,
    };
    let mut past = match at {
        None => None,
        Some(at) => {
            covered(store, known, at)?;
            // The journal has no changes of spaces from before the first reading ended.
            if reading.first.is_none_or(|first| at < first) {
                look.read = None;
                return Ok(look);
            }
            look.read = look.read.map(|last| last.min(at));
            Some(SpacePast::since(store, known, at)?)
        }
    };
    let mut after = match span {
        Span::One(_) => None,
        Span::After(after) => after.cloned(),
    };
    loop {
        let page: Vec<KeptSpace> = match span {
            Span::One(id) => store.space(known.no, id)?.into_iter().collect(),
            Span::After(_) => store.spaces(known.no, after.as_ref(), PAGE)?,
        };
        after = page.last().map(|kept| kept.space.id.clone());
        if let Some(past) = &mut past {
            past.catch_up(store, known, &page)?;
        }
        for kept in page {
            let then = match &mut past {
                Some(past) => past.then(&kept.space.id.clone(), Some(kept.space)),
                None => Some(kept.space),
            };
            if let Some(space) = then
                && visit(space).is_break()
            {
                return Ok(look);
            }
        }
        if matches!(span, Span::One(_)) || after.is_none() {
            break;
        }
    }
    if let Some(mut past) = past {
        look.has_gap = past.has_gap();
        // Spaces that have been deleted since then.
        while let Some(id) = past.next_changed() {
            if let Some(space) = past.then(&id, None).filter(|_| span.has(&id))
                && visit(space).is_break()
            {
                break;
            }
        }
    }
    Ok(look)
}
