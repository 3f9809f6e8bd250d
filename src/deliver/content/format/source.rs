//! Who an event is from, as CloudEvents and Security Event Tokens name it.

use std::fmt::{self, Write};

use crate::deliver::content::shown::Shown;
use crate::model::TenantId;

/// The source of events unless the configuration names another.
const DEFAULT: &str = "/qlik-roster";

/// The most bytes of a source, since it is in every event.
const MAX_LEN: usize = 256;

/// A URI reference for this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource(String);

/// The text is not a URI reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a URI, and not a path: up to {MAX_LEN} characters are expected, without spaces, `?` and \
     `#`"
)]
pub struct InvalidSource;

impl Default for EventSource {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl EventSource {
    /// Reads an absolute URI such as `https://roster.example.com`, or a path. A slash at the end is
    /// ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidSource> {
        let name = text.trim_end_matches('/');
        let fits = (1..=MAX_LEN).contains(&name.len());
        // After a query or a fragment, a tenant's path would become part of it.
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&byte));
        // A text with a colon before its first slash has a scheme, which begins with a letter.
        let head = name.split('/').next().unwrap_or_default();
        let scheme = head.split_once(':').map(|(scheme, _)| scheme);
        let named = scheme.is_none_or(|scheme| {
            let rest = name.get(scheme.len() + 1..).unwrap_or_default();
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                && !rest.trim_start_matches('/').is_empty()
        });
        let mut escapes = name.split('%').skip(1);
        let is_whole = escapes.all(|rest| {
            let digits = rest.as_bytes().get(..2);
            digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
        });
        if fits && plain && named && is_whole {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidSource)
        }
    }

    /// Returns the source of an event: that of its tenant, if it has one.
    pub(super) fn of<'a>(&'a self, event: &Shown<'a>) -> SourceOf<'a> {
        SourceOf {
            source: self,
            tenant: event.account.map(|account| account.id),
        }
    }
}

/// The source of an event, as written.
#[derive(Clone, Copy)]
pub(super) struct SourceOf<'a> {
    source: &'a EventSource,
    tenant: Option<&'a TenantId>,
}

impl fmt::Display for SourceOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.0)?;
        let Some(tenant) = self.tenant else {
            return Ok(());
        };
        f.write_str("/tenants/")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if tenant.0.bytes().all(is_plain) {
            return f.write_str(&tenant.0);
        }
        for byte in tenant.0.bytes() {
            match is_plain(byte) {
                true => f.write_char(char::from(byte))?,
                false => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_uri_or_a_path() {
        for (text, expected) in [
            (
                "https://roster.example.com",
                Some("https://roster.example.com"),
            ),
            (
                "https://roster.example.com/",
                Some("https://roster.example.com"),
            ),
            ("urn:example:roster", Some("urn:example:roster")),
            ("/qlik-roster", Some("/qlik-roster")),
            ("roster", Some("roster")),
            ("", None),
            ("/", None),
            ("a b", None),
            ("Zoë", None),
            ("1x:y", None),
            ("<x>", None),
            ("https://", None),
            ("https:", None),
            ("urn:", None),
            ("https://x#f", None),
            ("https://x?q", None),
            ("/%zz", None),
            ("/%2", None),
            ("/%C3%AB", Some("/%C3%AB")),
        ] {
            let read = EventSource::parse(text)
                .ok()
                .map(|source| source.to_string());

            assert_eq!(read.as_deref(), expected, "{text}");
        }
        assert!(EventSource::parse(&"x".repeat(257)).is_err());
        let default = EventSource::default();
        assert_eq!(EventSource::parse(DEFAULT), Ok(default));
    }
}
