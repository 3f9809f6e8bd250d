//! Who answers at an address, and who vouches for it.

use std::fmt;

use url::Url;

use crate::forward_proxy::ForwardProxy;

/// Who answers at a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_proxy: bool,
}

/// Who vouches for the server. The remedy for an untrusted one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A receiver's: the authorities that the machine trusts.
    Machine,
    /// A receiver's: those that its `ca_file` names.
    Named,
    /// A tenant's: the authorities that the machine trusts; no others can be configured.
    Tenant,
}

impl Peer {
    /// Returns who answers at the host of a URL.
    pub(crate) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
            is_proxy: false,
        }
    }

    /// Returns who answers at a proxy's address.
    pub(crate) fn proxy(proxy: &ForwardProxy) -> Self {
        Self {
            is_proxy: true,
            ..Self::of(proxy.url())
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_proxy {
            f.write_str("the proxy ")?;
        }
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// Writes an IPv6 address in the brackets that it needs before a port.
pub(crate) fn bracketed(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{host}]"),
        Err(_no_ipv6) => host.to_owned(),
    }
}
