//! The spaces of a tenant, now or as they were at an earlier time: the present ones, with every
//! change since undone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::model::{Entry, Fact, Seq, Space, SpaceChange, SpaceId, Timestamp};
use crate::store::{KeptSpace, Known, Store};

use super::error::HistoryError;
use super::past::covered;
use super::since::first_since;

/// How many spaces, and how many entries, are read from the store at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 500;

/// The most changed spaces, assignments and shares to keep until they are undone. Each takes some
/// 300 bytes.
const MAX_CHANGED: usize = 200_000;

/// How long a reader waits for the entry of a space that was just written, and how long it pauses
/// in between.
const MAX_WAIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(2);

/// What is known about the spaces that were visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpacesLook {
    /// The time up to which the spaces are known: when the last complete reading of all spaces
    /// began, or the time asked about if that is earlier. `None` if no reading had ended by then:
    /// there may be spaces that were never read.
    pub read: Option<Timestamp>,
    /// Whether spaces were ever asked for.
    pub is_on: bool,
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
            // Those of now come in their order.
            None if is_full => ControlFlow::Break(()),
            // Those that are gone by now come last.
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
        look.has_gap = past.has_gap;
        // Spaces that have been deleted since then.
        while let Some(id) = past.changes.keys().next().cloned() {
            if let Some(space) = past.then(&id, None).filter(|_| span.has(&id))
                && visit(space).is_break()
            {
                break;
            }
        }
    }
    Ok(look)
}

/// What has happened to spaces since a time.
struct SpacePast {
    at: Timestamp,
    up_to: Seq,
    changes: BTreeMap<SpaceId, Changes>,
    n_changed: usize,
    has_gap: bool,
}

/// The changes of one space, in their order.
#[derive(Default)]
struct Changes {
    changes: Vec<SpaceChange>,
    last: Option<Timestamp>,
}

impl SpacePast {
    fn since(store: &Store, known: &Known, at: Timestamp) -> Result<Self, HistoryError> {
        let after = Timestamp::from_millis(at.millis().saturating_add(1));
        let up_to = match first_since(store, after)? {
            Some(entry) => Seq(entry.seq.0.saturating_sub(1)),
            None => store.last_seq(),
        };
        let mut past = Self {
            at,
            up_to,
            changes: BTreeMap::new(),
            n_changed: 0,
            has_gap: false,
        };
        past.extend(store, known)?;
        Ok(past)
    }

    fn extend(&mut self, store: &Store, known: &Known) -> Result<(), HistoryError> {
        loop {
            let entries = store.entries(self.up_to, AT_ONCE)?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                if entry.seq != self.up_to.next() {
                    return Err(HistoryError::WasCut);
                }
                self.up_to = entry.seq;
                self.take(known, entry);
            }
            if self.n_changed > MAX_CHANGED {
                return Err(HistoryError::TooManyInSpaces { limit: MAX_CHANGED });
            }
        }
    }

    fn take(&mut self, known: &Known, entry: Entry) {
        let is_ours = entry
            .account()
            .is_some_and(|account| account.tenant == known.tenant.id);
        let at = entry.at;
        if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
            self.has_gap = true;
        }
        if let Fact::SpaceChanged(change) = entry.fact
            && is_ours
        {
            self.n_changed += 1 + change.assignments.members.len() + change.shares.members.len();
            let changes = self.changes.entry(change.id.clone()).or_default();
            changes.last = Some(at);
            changes.changes.push(change);
        }
    }

    /// Reads on until the entries of spaces that were just read are included. A space becomes
    /// visible a moment before its entry is on disk, so this may have to wait.
    fn catch_up(
        &mut self,
        store: &Store,
        known: &Known,
        page: &[KeptSpace],
    ) -> Result<(), HistoryError> {
        let begun = Instant::now();
        loop {
            self.extend(store, known)?;
            let is_behind = page.iter().any(|kept| {
                let changes = self.changes.get(&kept.space.id);
                let last = changes.and_then(|changes| changes.last);
                kept.changed_at > Some(self.at) && last < kept.changed_at
            });
            if !is_behind || self.has_gap {
                return Ok(());
            }
            if begun.elapsed() > MAX_WAIT {
                let tenant = known.name.clone();
                return Err(HistoryError::Unsteady { tenant });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Returns a space as it was then, given the present one, and drops its changes.
    fn then(&mut self, id: &SpaceId, now: Option<Space>) -> Option<Space> {
        let Changes { changes, .. } = self.changes.remove(id).unwrap_or_default();
        let changes = changes.iter().rev();
        changes.fold(now, |space, change| change.undo(space))
    }
}
