//! What is wrong with an endpoint's options, and what to do about it.

use super::LONGEST_TIMEOUT;
use crate::deliver::transport::address::RefusedAddress;

/// What is wrong with an endpoint's options. No message contains the URL, which may include a
/// token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// The scheme is not https or http.
    #[error("the address does not begin with `https:` or `http:`")]
    Scheme,
    /// Plain http without permission.
    #[error("the address is plain http, which would show personal data to the network")]
    PlainHttp,
    /// Permission for plain http without a network to use it in.
    #[error("`allow_http` works only together with `allow_private`")]
    HttpAnywhere,
    /// Plain http through a proxy: only the proxy would know which address the name has.
    #[error("the address is plain http to a name that the proxy looks up")]
    HttpByProxy,
    /// An IPv6 address by https through a proxy's tunnel: once the tunnel is open, the HTTP client
    /// takes the brackets for part of the name that the certificate must have.
    #[error("the address is an IPv6 address, which is not reached by https through a proxy")]
    Ipv6ByProxy,
    /// The URL is an address that endpoints may not be reached at.
    #[error("the address is not allowed")]
    Address(#[source] RefusedAddress),
    /// No secret, or more than two.
    #[error("an endpoint has one signing secret, or two during a change, not {n_secrets}")]
    Secrets {
        /// How many there are.
        n_secrets: usize,
    },
    /// A backfill without any snapshot to send.
    #[error("`backfill` sends nothing: the endpoint's settings leave out every snapshot")]
    NoSnapshots,
    /// No time at all, or more than makes sense.
    #[error("`timeout` is between 1 ms and {LONGEST_TIMEOUT:?}")]
    Timeout,
}

impl InvalidEndpoint {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme | Self::Ipv6ByProxy => "deliver.invalid-url",
            Self::PlainHttp | Self::HttpAnywhere | Self::HttpByProxy => "deliver.plain-http",
            Self::Address(_) => "deliver.refused-address",
            Self::Secrets { .. } => "deliver.invalid-secret",
            Self::NoSnapshots => "deliver.no-snapshots",
            Self::Timeout => "deliver.invalid-timeout",
        }
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Scheme => "write `https://` and the receiver's host",
            Self::Ipv6ByProxy => "write the receiver's name, or its IPv4 address",
            Self::PlainHttp => {
                "use https, or set `allow_http = true` for a receiver within `allow_private`"
            }
            Self::HttpAnywhere => {
                "name the receiver's network, `allow_private = [\"127.0.0.0/8\"]` for one"
            }
            Self::HttpByProxy => {
                "use https, or write the receiver's numeric address, within `allow_private`, in place of its name"
            }
            Self::Address(_) => {
                "name the network in `allow_private` if the receiver really is there"
            }
            Self::Secrets { .. } => "keep the secret in use, and the one before it for a while",
            Self::NoSnapshots => {
                "add `user.snapshot`, `role.snapshot` or `group.snapshot` to `events`, or leave \
                 `backfill` out"
            }
            Self::Timeout => "15 seconds are enough for nearly every receiver",
        }
    }
}
