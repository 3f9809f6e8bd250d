//! Reads events for programs that ask for them, page by page. Blocks, as the store does.
//!
//! Nothing is stored for such a program: it says after which event to continue, by the id that the
//! event has for every receiver. An id names its store, its position and a digest of its content.
//! So an id that does not fit this journal any more is refused, and nothing is skipped in silence.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::content::event::Event;
use super::content::subscription::Subscription;
use super::endpoint::flow::Lists;
use super::queue::feed::{Feed, Shared};
use super::queue::reader;
use crate::model::{Entry, EventId, Fact, Holder, Seq};
use crate::store::{Store, StoreError};

/// A request for the events after a position.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// Which events are wanted.
    pub subscription: Subscription,
    /// Whether the users of a list beside an entry are events of their own.
    pub lists: Lists,
    /// The most events in the page.
    pub events: usize,
    /// The bytes of bodies after which the page ends; its last event may exceed them.
    pub bytes: usize,
    /// How many entries are read at most: only a few of many may match.
    pub entries: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullFrom {
    /// After the event with this id.
    After(EventId),
    /// After the entry at this position of the journal.
    AfterEntry(Seq),
    /// With the first entry that is still there.
    Oldest,
    /// After everything that is there now.
    Now,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The events, in the order of the journal.
    pub events: Vec<PulledEvent>,
    /// The event after which the next page begins, or an entry that is not an event for this
    /// program.
    pub next: EventId,
    /// Whether everything was read that is there now.
    pub is_end: bool,
}

/// An event, written in the format that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: &'static str,
    /// Its body, the same bytes that a webhook sends.
    pub body: Bytes,
}

/// Why a position cannot be continued from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Entries after it were deleted, since they are older than the journal keeps.
    Cut,
    /// It belongs to another store.
    OtherStore,
    /// The journal does not reach it: an older copy of the store was restored.
    Ahead,
    /// Something else happened at this position: an older copy of the store was restored.
    Replaced,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nothing can be read from this position on without skipping something.
    #[error("{}", .why.said())]
    Gone {
        /// Why.
        why: Gone,
        /// The position from which everything that is still there can be read.
        oldest: EventId,
    },
    /// The store failed.
    #[error("reading the journal")]
    Store {
        /// What went wrong.
        #[source]
        source: StoreError,
    },
}

impl Gone {
    /// Returns it as one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::OtherStore => "other-store",
            Self::Ahead => "ahead",
            Self::Replaced => "replaced",
        }
    }

    /// Returns it as a sentence.
    pub fn said(self) -> &'static str {
        match self {
            Self::Cut => {
                "events after this position were deleted, since they are older than the journal \
                 keeps"
            }
            Self::OtherStore => "this position belongs to another store",
            Self::Ahead => {
                "the journal does not reach this position: an older copy of the store was restored"
            }
            Self::Replaced => {
                "another event is at this position: an older copy of the store was restored"
            }
        }
    }
}

impl PullRequest {
    /// Reads a page.
    pub fn read(&self, feed: &Feed, from: PullFrom) -> Result<Pulled, PullError> {
        let store = feed.store();
        let after = begin(store, from).map_err(failed)?;
        check(store, after)?;
        let mut subscription = self.subscription.clone();
        if subscription.needs_names() {
            let tenants = store.tenants().map_err(failed)?.into_iter();
            let called = tenants.map(|known| (known.tenant.id, known.name));
            subscription.called = called.collect();
        }
        let page = Page {
            feed,
            subscription,
            request: self,
            events: Vec::new(),
            n_bytes: 0,
            n_read: 0,
            next: after,
        };
        page.read()
    }
}

impl PullError {
    /// Returns the error for a position that cannot be continued from.
    pub fn gone(store: &Store, why: Gone) -> Self {
        match begin(store, PullFrom::Oldest) {
            Ok(oldest) => Self::Gone { why, oldest },
            Err(source) => failed(source),
        }
    }
}

/// Returns the id after which a page begins.
fn begin(store: &Store, from: PullFrom) -> Result<EventId, StoreError> {
    match from {
        PullFrom::After(id) => Ok(id),
        PullFrom::AfterEntry(seq) => position(store, seq),
        PullFrom::Oldest => position(store, Seq(store.first_seq()?.0.saturating_sub(1))),
        PullFrom::Now => position(store, store.last_seq()),
    }
}

/// Returns the id of an entry, without a digest if there is no such entry.
fn position(store: &Store, seq: Seq) -> Result<EventId, StoreError> {
    let entry = store.entry(seq)?;
    Ok(match entry {
        Some(entry) => entry.event_id(store.id()),
        None => EventId {
            store: store.id(),
            seq,
            digest: None,
            member: None,
        },
    })
}

fn failed(source: StoreError) -> PullError {
    PullError::Store { source }
}

/// Fails unless everything after a position can be read.
fn check(store: &Store, after: EventId) -> Result<(), PullError> {
    if after.store != store.id() {
        return Err(PullError::gone(store, Gone::OtherStore));
    }
    if after.seq > store.last_seq() {
        return Err(PullError::gone(store, Gone::Ahead));
    }
    let entry = store.entry(after.seq).map_err(failed)?;
    if after.digest.is_some()
        && let Some(entry) = entry
        && !is_same(store, &entry, after)
    {
        return Err(PullError::gone(store, Gone::Replaced));
    }
    // A list is deleted with its entry, so its other users can be read only while the entry exists.
    let needed = match after.member {
        Some(_) => after.seq,
        None => after.seq.next(),
    };
    if needed < store.first_seq().map_err(failed)? {
        return Err(PullError::gone(store, Gone::Cut));
    }
    Ok(())
}

/// Returns whether an id is that of an entry. The digest of an entry that was damaged is lost, but
/// its position is the same.
fn is_same(store: &Store, entry: &Entry, id: EventId) -> bool {
    matches!(entry.fact, Fact::Unreadable)
        || entry.event_id(store.id()) == EventId { member: None, ..id }
}

/// A page that is being read.
struct Page<'a> {
    feed: &'a Feed,
    subscription: Subscription,
    request: &'a PullRequest,
    events: Vec<PulledEvent>,
    n_bytes: usize,
    n_read: usize,
    next: EventId,
}

impl Page<'_> {
    fn read(mut self) -> Result<Pulled, PullError> {
        self.finish_list()?;
        while !self.is_full() {
            let after = self.next.seq;
            let entries = self.feed.entries(after).map_err(failed)?;
            if entries.is_empty() {
                return Ok(self.ended());
            }
            for entry in &entries {
                if self.is_full() {
                    break;
                }
                // Entries may have been deleted since the position was checked.
                if entry.seq != self.next.seq.next() {
                    return Err(PullError::gone(self.feed.store(), Gone::Cut));
                }
                self.take(entry)?;
            }
        }
        let is_end = self.next.member.is_none() && self.next.seq >= self.feed.store().last_seq();
        Ok(Pulled {
            is_end,
            ..self.ended()
        })
    }

    fn ended(self) -> Pulled {
        Pulled {
            events: self.events,
            next: self.next,
            is_end: true,
        }
    }

    /// Returns whether no other entry may be read for this page.
    fn is_full(&self) -> bool {
        self.is_filled() || self.n_read >= self.request.entries
    }

    /// Returns whether the page has as many events as it may have. The users of a list belong to
    /// one entry, so however few entries are read, some of them fit.
    fn is_filled(&self) -> bool {
        self.events.len() >= self.request.events || self.n_bytes >= self.request.bytes
    }

    /// Reads the rest of a list, if the page begins within one.
    fn finish_list(&mut self) -> Result<(), PullError> {
        let Some(number) = self.next.member else {
            return Ok(());
        };
        let store = self.feed.store();
        match self.request.lists {
            // The entry is wanted as one event now, and was not read as one.
            Lists::Whole => {
                let before = Seq(self.next.seq.0.saturating_sub(1));
                self.next = position(store, before).map_err(failed)?;
                Ok(())
            }
            Lists::Expanded => {
                let entry = store.entry(self.next.seq).map_err(failed)?;
                if entry.is_none() {
                    self.is_kept(self.next.seq)?;
                }
                let Some(entry) = entry.filter(|entry| self.subscription.wants(entry)) else {
                    self.next.member = None;
                    return Ok(());
                };
                self.take_users(&entry, number + 1).map(drop)
            }
        }
    }

    /// Fails if an entry was deleted, and its list with it.
    fn is_kept(&self, seq: Seq) -> Result<(), PullError> {
        let store = self.feed.store();
        match seq < store.first_seq().map_err(failed)? {
            true => Err(PullError::gone(store, Gone::Cut)),
            false => Ok(()),
        }
    }

    fn take(&mut self, entry: &Shared) -> Result<(), PullError> {
        self.n_read += 1;
        if self.subscription.wants(entry) {
            let is_listed = match self.request.lists {
                Lists::Whole => false,
                Lists::Expanded => reader::list_of(entry).is_some(),
            };
            // If the list was lost with a damaged store, the entry is one event.
            if is_listed && self.take_users(entry, 0)? == Found::Some {
                return Ok(());
            }
            let store = self.feed.store().id();
            self.add(entry.event_id(store), Event::of_entry(store, entry));
        }
        self.next = entry.event_id(self.feed.store().id());
        Ok(())
    }

    /// Adds users of the list beside an entry, from a number on, as far as the page has space.
    fn take_users(&mut self, entry: &Entry, mut from: u64) -> Result<Found, PullError> {
        let store = self.feed.store();
        let id = entry.event_id(store.id());
        let mut found = Found::Nothing;
        loop {
            let users: Vec<Holder> = reader::listed(store, entry, from).map_err(failed)?;
            if users.is_empty() {
                self.is_kept(entry.seq)?;
                self.next = id;
                return Ok(found);
            }
            found = Found::Some;
            for (number, user) in (from..).zip(users) {
                if self.is_filled() {
                    return Ok(found);
                }
                let of_user = reader::about(entry, user);
                let event = Event::of_member(store.id(), &of_user, number);
                self.add(id.of_member(number), event);
                self.next = id.of_member(number);
                from = number + 1;
            }
        }
    }

    fn add(&mut self, id: EventId, event: Option<Event<'_>>) {
        let Some(event) = event else {
            return;
        };
        let body = self.subscription.message(std::slice::from_ref(&event)).body;
        self.n_bytes += body.len();
        self.events.push(PulledEvent {
            id,
            event_type: event.event_type,
            body,
        });
    }
}

/// Whether a list has users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Some,
    Nothing,
}
