//! Tells which hosts are this machine itself.

use std::net::{IpAddr, Ipv4Addr};

use url::Host;

/// Returns whether a host is this machine itself, by its address, by the name `localhost` or by one
/// below it.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        // RFC 6761: the names below it are this machine's as well.
        Host::Domain(name) => {
            let name = name.as_ref();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => {
            address.is_loopback()
                || IpAddr::V6(*address).to_canonical() == IpAddr::V4(Ipv4Addr::LOCALHOST)
        }
    }
}
