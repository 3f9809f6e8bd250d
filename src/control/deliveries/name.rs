//! The name by which an operator refers to an event: a journal position, an event id, or a
//! snapshot's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{EventId, Seq};
use crate::store::{Item, Store};

use crate::control::ControlError;

/// An event as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventName {
    item: Item,
    /// Its id, if it was named by its id.
    id: Option<EventId>,
}

/// The text does not name an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an event; a sequence number, an id (`evt_…`), or for a snapshot what `deliveries` prints (`snapshot/…`) is expected"
)]
pub struct InvalidEventName;

impl EventName {
    /// The event at a position in the journal.
    pub fn at(seq: Seq) -> Self {
        Self {
            item: Item::Entry(seq),
            id: None,
        }
    }

    /// Returns its position in the journal, if it has one.
    pub fn place(&self) -> Option<Seq> {
        match self.item {
            Item::Entry(seq) | Item::Member { entry: seq, .. } => Some(seq),
            Item::Snapshot { .. } => None,
        }
    }

    /// Returns the event that has this name in a store. Fails for an id from another store, or from
    /// before an older copy was restored, since it would lead to another event.
    pub(in crate::control) fn of_store(&self, store: &Store) -> Result<Item, ControlError> {
        if let Some(id) = self.id {
            let entry = store.entry(id.seq)?;
            let whole = EventId { member: None, ..id };
            let is_other = entry.is_some_and(|entry| entry.event_id(store.id()) != whole);
            if id.store != store.id() || is_other {
                return Err(ControlError::OtherStore {
                    event: self.to_string(),
                });
            }
        }
        Ok(self.item.clone())
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => id.fmt(f),
            None => self.item.fmt(f),
        }
    }
}

impl FromStr for EventName {
    type Err = InvalidEventName;

    fn from_str(text: &str) -> Result<Self, InvalidEventName> {
        if text.starts_with("evt_") {
            let id: EventId = text.parse().or(Err(InvalidEventName))?;
            let item = match id.member {
                Some(number) => Item::Member {
                    entry: id.seq,
                    number,
                },
                None => Item::Entry(id.seq),
            };
            return Ok(Self { item, id: Some(id) });
        }
        let item = text.parse().or(Err(InvalidEventName))?;
        Ok(Self { item, id: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_place_id_or_snapshot() {
        for text in [
            "17",
            "evt_0123456789abcdef_000000000011",
            "evt_0123456789abcdef_000000000011_0123456789abcdef0123456789abcdef",
            "evt_0123456789abcdef_000000000011_0123456789abcdef0123456789abcdef_7",
            "17/7",
            "snapshot/1/user/60d5ca1b2f8a4c0012345678/9/1767000000000",
        ] {
            let name: EventName = text.parse().unwrap();

            assert_eq!(name.to_string(), text);
        }
        for text in [
            "",
            "evt_",
            "evt_0123456789abcdef",
            "evt_0123456789abcdef_",
            "evt_0123456789abcdef_000000000011_0123456789abcdef",
            "evt_0123456789abcdef_000000000011_0123456789abcdef0123456789abcdef_",
            "evt_+123456789abcdef_000000000011",
            "seventeen",
        ] {
            assert_eq!(text.parse::<EventName>(), Err(InvalidEventName), "{text}");
        }
    }
}
