//! Writes an event as Standard Webhooks describes: type, time and data in one JSON object.

use serde::Serialize;

use crate::deliver::content::event::Event;
use crate::deliver::content::message::Message;
use crate::deliver::content::shown::{Shown, ShownData, Source};
use crate::model::{Entry, Seq, StoreId, Timestamp};

/// Returns the JSON body of an entry's event with everything that we know; `None` for an entry that
/// has no event.
pub fn body(store: StoreId, entry: &Entry) -> Option<Vec<u8>> {
    let event = Event::of_entry(store, entry)?;
    Some(bytes(&Shown::of(&event)))
}

pub(super) fn message(event: &Shown<'_>) -> Message {
    Message {
        id: event.id.to_owned(),
        content_type: "application/json",
        headers: Vec::new(),
        body: bytes(event).into(),
    }
}

fn bytes(event: &Shown<'_>) -> Vec<u8> {
    let body = Body {
        id: event.id,
        r#type: event.event_type,
        timestamp: event.at,
        sequence: event.sequence,
        account: event.account,
        data: &event.data,
    };
    serde_json::to_vec(&body).expect("an event's keys are texts")
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    r#type: &'a str,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Seq>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Source<'a>>,
    data: &'a ShownData<'a>,
}

#[cfg(test)]
mod tests;
