//! What is sent: bytes, and the headers that go with them. The same for the same events.

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};

/// One event, or a batch of them, as it is sent.
///
/// Not in it are time-stamp and signature, which are the attempt's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id of the event or of the batch, for `webhook-id`. Holds no full stop.
    pub id: String,
    /// What the body is.
    pub content_type: &'static str,
    /// The headers that the format asks for beside those of Standard Webhooks.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}
