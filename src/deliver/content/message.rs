//! What is sent: bytes, and the headers that go with them. The same events give the same message.

use std::fmt;

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};

/// One event, or a batch of them, as it is sent.
///
/// It does not include the time-stamp and the signature, which differ for each attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id of the event or of the batch, for `webhook-id`. Contains no full stop.
    pub id: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The headers that the format requires besides those of Standard Webhooks.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

/// Does not show body and headers, since they may be about people.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("content_type", &self.content_type)
            .field("n_headers", &self.headers.len())
            .field("n_bytes", &self.body.len())
            .finish()
    }
}
