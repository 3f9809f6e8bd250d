//! One attempt at a delivery.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::item::Item;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was sent.
    pub item: Item,
    /// The type of the event.
    pub event_type: Cow<'static, str>,
    /// The number of the attempt, from 1 on.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// The status of the answer; `None` if there was no answer.
    pub status: Option<u16>,
    /// The beginning of the answer, at most 1 KiB. All events of a message share it.
    pub answer: Arc<str>,
    /// Why it was not delivered; `None` if it was.
    pub error: Option<Arc<str>>,
}
