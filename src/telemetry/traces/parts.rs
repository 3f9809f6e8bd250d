//! What a span begins with.

/// Which side of a request a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// We answer it.
    Server,
    /// We send it.
    Client,
    /// It is not a request.
    Internal,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    Text(String),
    Number(i64),
}

/// What a span begins with.
#[derive(Debug)]
pub(super) struct NewSpan {
    pub(super) name: String,
    pub(super) side: Side,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
}

impl Attribute {
    /// Returns the value of a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}
