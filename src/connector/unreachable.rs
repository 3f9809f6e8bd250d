//! Where a connection fails, and what an operator can do about it.

use std::fmt;

/// Where a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// The host's name is not known.
    HostNotFound,
    /// There is no trusted TLS connection.
    Tls,
    /// The proxy does not let us through.
    Proxy,
    /// Nobody listens, or no way leads there.
    Connection,
}

impl Unreachable {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::HostNotFound => "qlik.host-not-found",
            Self::Tls => "qlik.tls",
            Self::Proxy => "qlik.proxy",
            Self::Connection => "qlik.connection",
        }
    }

    /// A name that is not known may be a resolver that is down for a moment.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::HostNotFound | Self::Proxy | Self::Connection => true,
            Self::Tls => false,
        }
    }

    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::HostNotFound => {
                "check the tenant's host, region included (acme.eu.qlikcloud.com), and this \
                 machine's name service"
            }
            Self::Tls => {
                "if a proxy opens TLS connections, add its root certificate to this system's; \
                 check the system's clock"
            }
            Self::Proxy => "check HTTPS_PROXY and NO_PROXY, and what the proxy lets through",
            Self::Connection => "check that this machine may reach the tenant on port 443",
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostNotFound => "the host is not known",
            Self::Tls => "no trusted TLS connection",
            Self::Proxy => "the proxy does not let us through",
            Self::Connection => "no connection",
        })
    }
}
