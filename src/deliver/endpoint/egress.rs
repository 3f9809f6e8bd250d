//! How an endpoint is reached, and what requests to it carry besides events.

use std::fmt;

use ipnet::IpNet;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::deliver::transport::consent::Origin;
use crate::forward_proxy::ForwardProxy;
use crate::secret::Secret;
use crate::tls::{Authorities, ClientCertificate};

/// The most additional headers: more than any receiver asks for, and few enough that no server
/// refuses them.
const MAX_HEADERS: usize = 32;

/// The most bytes of a header's value, chosen in the same way; the longest values are tokens.
const MAX_VALUE: usize = 4 * 1024;

/// Headers that say how a message is framed or what it is. They are set where the message is made,
/// and a second one would contradict it.
const OURS: [&str; 4] = ["host", "user-agent", "accept", "accept-encoding"];

/// Headers for one hop only (RFC 9110, 7.6.1), which a proxy removes.
const OF_THE_CONNECTION: [&str; 8] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "http2-settings",
];

/// Header prefixes that we use ourselves: for Standard Webhooks, CloudEvents and its handshake, the
/// body, and proxies.
const OUR_PREFIXES: [&str; 4] = ["webhook-", "ce-", "content-", "proxy-"];

/// How an endpoint is reached. By default: https, public addresses, no proxy.
#[derive(Clone, Default)]
pub struct Egress {
    /// Networks that it may be in although they are not public.
    pub allow_private: Vec<IpNet>,
    /// Whether the URL may be plain http, for a receiver within `allow_private`.
    pub allow_http: bool,
    /// The authorities that may vouch for it; `None` for those that the platform trusts.
    pub authorities: Option<Authorities>,
    /// The certificate that we show if it asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The proxy that every request to it goes through.
    pub proxy: Option<ForwardProxy>,
    /// Additional headers that it wants.
    pub headers: ExtraHeaders,
    /// The name under which we ask for its consent before anything is sent; `None` if we do not
    /// ask.
    pub handshake: Option<Origin>,
}

/// Additional headers that an endpoint wants. Their values are secrets.
#[derive(Clone, Default)]
pub struct ExtraHeaders(HeaderMap);

/// Why a header cannot be sent. No message contains its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The name cannot be the name of a header.
    #[error("`{name}` is not the name of a header")]
    Name {
        /// The name.
        name: String,
    },
    /// We set it ourselves.
    #[error("`{name}` is set by qlik-roster itself")]
    Ours {
        /// The name.
        name: String,
    },
    /// It concerns the connection, not the message.
    #[error("`{name}` belongs to the connection")]
    OfTheConnection {
        /// The name.
        name: String,
    },
    /// It was added before; upper and lower case count as the same.
    #[error("`{name}` is given twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The value has characters that cannot be sent, or is too long.
    #[error("the value of `{name}` is not one line of visible ASCII, at most {MAX_VALUE} long")]
    Value {
        /// The name.
        name: String,
    },
    /// There are too many.
    #[error("there are more than {MAX_HEADERS} headers")]
    TooMany,
}

impl ExtraHeaders {
    /// Adds a header.
    pub fn add(&mut self, name: &str, value: &Secret) -> Result<(), InvalidHeader> {
        let shown = || name.to_owned();
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(InvalidHeader::Name { name: shown() });
        };
        let lower = parsed.as_str();
        if OF_THE_CONNECTION.contains(&lower) {
            return Err(InvalidHeader::OfTheConnection { name: shown() });
        }
        let family = OUR_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
        if family || OURS.contains(&lower) {
            return Err(InvalidHeader::Ours { name: shown() });
        }
        if self.0.contains_key(&parsed) {
            return Err(InvalidHeader::Twice { name: shown() });
        }
        if self.0.len() == MAX_HEADERS {
            return Err(InvalidHeader::TooMany);
        }
        let text = value.expose();
        let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let sound = visible && !text.is_empty() && text.len() <= MAX_VALUE;
        match HeaderValue::from_str(text) {
            Ok(mut value) if sound => {
                // Keeps it out of `Debug`, and of HTTP/2's compression tables.
                value.set_sensitive(true);
                self.0.insert(parsed, value);
                Ok(())
            }
            Ok(_) | Err(_) => Err(InvalidHeader::Value { name: shown() }),
        }
    }

    pub(in crate::deliver) fn map(&self) -> &HeaderMap {
        &self.0
    }
}

impl InvalidHeader {
    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Name { .. } => "write a name of letters, digits and `-`, such as `x-api-key`",
            Self::Ours { .. } | Self::OfTheConnection { .. } => {
                "leave it out; a proxy before the receiver can set it"
            }
            Self::Twice { .. } => "keep only one of the two; upper and lower case are the same",
            Self::Value { .. } => "write only the value, on one line; base64 carries anything else",
            Self::TooMany => "keep those that the receiver needs",
        }
    }
}

impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(name: &str, value: &str) -> Result<ExtraHeaders, String> {
        let mut headers = ExtraHeaders::default();
        headers.add("x-first", &Secret::new("1")).unwrap();
        match headers.add(name, &Secret::new(value)) {
            Ok(()) => Ok(headers),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_header_of_the_receivers_is_taken_and_does_not_show() {
        let headers = add("X-API-Key", "hunter2").unwrap();

        assert_eq!(headers.map()["x-api-key"], "hunter2");
        assert_eq!(format!("{headers:?}"), r#"{"x-first", "x-api-key"}"#);
        assert!(!format!("{:?}", headers.map()).contains("hunter2"));
    }

    #[test]
    fn headers_that_are_ours_or_the_connections_are_refused_by_name() {
        for name in OURS
            .into_iter()
            .chain(["Webhook-Id", "webhook-request-origin", "Content-Length"])
            .chain([
                "content-type",
                "content-encoding",
                "ce-id",
                "Proxy-Authorization",
            ])
        {
            let expected = format!("`{name}` is set by qlik-roster itself");
            assert_eq!(add(name, "1").unwrap_err(), expected);
        }
        for name in OF_THE_CONNECTION {
            let expected = format!("`{name}` belongs to the connection");
            assert_eq!(add(name, "1").unwrap_err(), expected);
        }
    }

    #[test]
    fn what_cannot_be_a_header_is_refused_without_its_value() {
        let long = "x".repeat(MAX_VALUE + 1);
        let value = "the value of `x-key` is not one line of visible ASCII, at most 4096 long";
        for (name, text, expected) in [
            ("", "1", "`` is not the name of a header"),
            ("x key", "1", "`x key` is not the name of a header"),
            ("x-key:", "1", "`x-key:` is not the name of a header"),
            ("X-First", "1", "`X-First` is given twice"),
            ("x-key", "t0ken\r\nwebhook-id: 1", value),
            ("x-key", "t0ken\twith tab", value),
            ("x-key", "Zoë", value),
            ("x-key", "", value),
            ("x-key", &long, value),
        ] {
            assert_eq!(add(name, text).unwrap_err(), expected, "{name}");
        }
        let mut many = ExtraHeaders::default();
        for n in 0..MAX_HEADERS {
            many.add(&format!("x-{n}"), &Secret::new("1")).unwrap();
        }
        let error = many.add("x-more", &Secret::new("1")).unwrap_err();
        assert_eq!(error, InvalidHeader::TooMany);
    }
}
