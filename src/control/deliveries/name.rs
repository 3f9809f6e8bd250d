//! The name by which an operator asks for an event: a place, an event's id, or a snapshot's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{EventId, Seq, StoreId};
use crate::store::{Item, Store};

use crate::control::ControlError;

/// An event as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventName {
    item: Item,
    /// The store whose event it is, where the name tells.
    store: Option<StoreId>,
}

/// A text that names no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no event; a sequence number, an id (`evt_…`), or for a snapshot what `deliveries` prints \
     (`snapshot/…`) is expected"
)]
pub struct InvalidEventName;

impl EventName {
    /// Returns what a store calls so. An id of another store would lead to another event.
    pub(super) fn of_store(&self, store: &Store) -> Result<Item, ControlError> {
        if self.store.is_some_and(|id| id != store.id()) {
            return Err(ControlError::OtherStore {
                event: self.to_string(),
            });
        }
        Ok(self.item.clone())
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.item, self.store) {
            (Item::Entry(seq), Some(store)) => EventId { store, seq: *seq }.fmt(f),
            (item, _) => item.fmt(f),
        }
    }
}

impl FromStr for EventName {
    type Err = InvalidEventName;

    fn from_str(text: &str) -> Result<Self, InvalidEventName> {
        let Some(id) = text.strip_prefix("evt_") else {
            let item = text.parse().or(Err(InvalidEventName))?;
            return Ok(Self { item, store: None });
        };
        // An id of a snapshot goes on with a digest, which leads nowhere.
        let (store, seq) = id.split_once('_').ok_or(InvalidEventName)?;
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if store.len() != 16 || !is_hex(store) || !is_hex(seq) {
            return Err(InvalidEventName);
        }
        let store = u64::from_str_radix(store, 16).or(Err(InvalidEventName))?;
        let seq = u64::from_str_radix(seq, 16).or(Err(InvalidEventName))?;
        Ok(Self {
            item: Item::Entry(Seq(seq)),
            store: Some(StoreId(store.to_be_bytes())),
        })
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
            "evt_0123456789abcdef_000000000011_0123456789abcdef0123456789abcdef",
            "evt_+123456789abcdef_000000000011",
            "seventeen",
        ] {
            assert_eq!(text.parse::<EventName>(), Err(InvalidEventName), "{text}");
        }
    }
}
