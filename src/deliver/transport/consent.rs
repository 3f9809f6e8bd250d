//! How we ask a receiver for its consent, and what it consents to. Pure.

use std::fmt;
use std::num::NonZeroU32;

use reqwest::header::HeaderName;

/// Names the sender, in the request for consent and, once it is given, in every delivery.
pub(super) const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");

/// The DNS name that identifies all daemons of one owner to receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not a DNS name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a DNS name")]
pub struct InvalidOrigin(String);

/// What a receiver consented to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grant {
    /// The requests a minute that it accepts, or `None` if it named no limit.
    pub per_minute: Option<NonZeroU32>,
}

/// Why an answer is not a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It allows nobody: the header is missing.
    Silent,
    /// It allows somebody else.
    OtherOrigin,
    /// The allowed rate is not a number above zero, and not `*`.
    UnreadableRate,
}

impl Origin {
    /// Checks a DNS name.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let is_label = |label: &str| {
            let inner = label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-');
            let ends = !label.starts_with('-') && !label.ends_with('-');
            inner && ends && (1..=63).contains(&label.len())
        };
        match text.len() <= 253 && text.split('.').all(is_label) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidOrigin(text.to_owned())),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "it allows nobody to send",
            Self::OtherOrigin => "it allows only somebody else to send",
            Self::UnreadableRate => "the rate that it allows is not a number",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_dns_name() {
        for (text, expected) in [
            ("roster.example.com", Some("roster.example.com")),
            ("Roster.Example.COM", Some("roster.example.com")),
            ("roster", Some("roster")),
            ("", None),
            ("*", None),
            ("https://roster.example.com", None),
            ("roster.example.com.", None),
            ("-roster.example.com", None),
            ("röster.example.com", None),
            (&"a".repeat(64), None),
            (&"a.".repeat(127), None),
        ] {
            let found = Origin::parse(text).ok();

            assert_eq!(found.as_ref().map(Origin::as_str), expected, "{text}");
        }
    }
}
