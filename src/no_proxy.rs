//! The hosts that bypass the proxy, as `NO_PROXY` lists them. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

/// Hosts that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Exemption>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Exemption {
    /// The entry as written.
    text: String,
    hosts: Hosts,
    /// `None` for every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    /// This name and those below it.
    Name(String),
    /// These addresses. Host names are not resolved to match them.
    Network(IpNet),
}

impl NoProxy {
    /// Reads a list of entries separated by commas or blanks, and also returns the entries that
    /// match no host.
    ///
    /// It accepts what curl accepts and somewhat more: a port after a host, `*.` before a name,
    /// brackets around an IPv6 address, and blanks without commas between entries. curl ignores
    /// such entries, or ends the list at them, but other programs accept them, so people write
    /// them.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        if text.trim() == "*" {
            let everything = Exemption {
                text: "*".to_owned(),
                hosts: Hosts::All,
                port: None,
            };
            return (Self(vec![everything]), Vec::new());
        }
        let (mut entries, mut odd) = (Vec::new(), Vec::new());
        let words = text.split([',', ' ', '\t', '\n', '\r']);
        for word in words.filter(|word| !word.is_empty()) {
            match hosts(word) {
                Some((hosts, port)) => entries.push(Exemption {
                    text: word.to_owned(),
                    hosts,
                    port,
                }),
                None => odd.push(word.to_owned()),
            }
        }
        (Self(entries), odd)
    }

    /// Returns the entry, as written, that matches a URL's host.
    pub(crate) fn entry_for(&self, url: &Url) -> Option<&str> {
        let (host, port) = (url.host()?, url.port_or_known_default());
        let fits = |entry: &&Exemption| {
            (entry.port.is_none() || entry.port == port) && entry.hosts.include(&host)
        };
        self.0.iter().find(fits).map(|entry| entry.text.as_str())
    }
}

impl Hosts {
    fn include(&self, host: &Host<&str>) -> bool {
        let is_in = |network: &IpNet, address: IpAddr| network.contains(&address.to_canonical());
        match (self, host) {
            (Self::All, _) => true,
            (Self::Name(domain), Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let before = name.strip_suffix(domain.as_str());
                before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            (Self::Network(network), Host::Ipv4(address)) => is_in(network, (*address).into()),
            (Self::Network(network), Host::Ipv6(address)) => is_in(network, (*address).into()),
            (Self::Name(_), Host::Ipv4(_) | Host::Ipv6(_))
            | (Self::Network(_), Host::Domain(_)) => false,
        }
    }
}

/// Reads an entry: which hosts it means, and at which port.
fn hosts(word: &str) -> Option<(Hosts, Option<u16>)> {
    if let Ok(network) = word.parse::<IpNet>() {
        return Some((Hosts::Network(network), None));
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some((Hosts::Network(address.into()), None));
    }
    if let Some(rest) = word.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']')?;
        let address: IpAddr = inner.parse().ok()?;
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        return Some((Hosts::Network(address.into()), port));
    }
    let (name, port) = match word.split_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (word, None),
    };
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = name.strip_prefix('.').unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.contains(['*', '/']) {
        return None;
    }
    match Host::parse(name).ok()? {
        Host::Domain(name) => Some((Hosts::Name(name), port)),
        Host::Ipv4(address) => Some((Hosts::Network(IpAddr::V4(address).into()), port)),
        Host::Ipv6(address) => Some((Hosts::Network(IpAddr::V6(address).into()), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://acme.eu.qlikcloud.com";

    #[test]
    fn hosts_fit_the_entries_that_are_written_for_them() {
        for (list, url, expected) in [
            // As in curl.
            ("", HOST, None),
            ("*", HOST, Some("*")),
            (" * ", HOST, Some("*")),
            ("acme.eu.qlikcloud.com", HOST, Some("acme.eu.qlikcloud.com")),
            ("qlikcloud.com", HOST, Some("qlikcloud.com")),
            (".qlikcloud.com", HOST, Some(".qlikcloud.com")),
            ("QlikCloud.COM.", HOST, Some("QlikCloud.COM.")),
            ("a.example,qlikcloud.com", HOST, Some("qlikcloud.com")),
            ("a.example ,, qlikcloud.com", HOST, Some("qlikcloud.com")),
            ("cloud.com", HOST, None),
            ("xacme.eu.qlikcloud.com", HOST, None),
            ("b.acme.eu.qlikcloud.com", HOST, None),
            (".example.com", "https://example.com", Some(".example.com")),
            ("example.com", "https://example.com.", Some("example.com")),
            ("10.1.2.3", "https://10.1.2.3", Some("10.1.2.3")),
            ("2.3", "https://10.1.2.3", None),
            ("10.0.0.0/8", "https://10.1.2.3", Some("10.0.0.0/8")),
            ("10.1.2.99/8", "https://10.1.2.3", Some("10.1.2.99/8")),
            ("10.0.0.0/8", "https://11.1.2.3", None),
            ("10.0.0.0/8", "https://ten.example.com", None),
            ("fd00::/8", "https://[fd00::7]", Some("fd00::/8")),
            ("fd00::/8", "https://[fe00::7]", None),
            ("::1", "https://[::1]:8443", Some("::1")),
            ("fd00::7", "https://[FD00:0::7]", Some("fd00::7")),
            // More than curl accepts.
            ("*.qlikcloud.com", HOST, Some("*.qlikcloud.com")),
            ("a.example qlikcloud.com", HOST, Some("qlikcloud.com")),
            ("qlikcloud.com:443", HOST, Some("qlikcloud.com:443")),
            ("qlikcloud.com:8443", HOST, None),
            (
                "10.1.2.3:8443",
                "https://10.1.2.3:8443",
                Some("10.1.2.3:8443"),
            ),
            ("10.1.2.3:8443", "https://10.1.2.3", None),
            ("[fd00::7]", "https://[fd00::7]", Some("[fd00::7]")),
            ("[fd00::7]:443", "https://[fd00::7]", Some("[fd00::7]:443")),
            ("[fd00::7]:443", "https://[fd00::7]:8443", None),
            (
                "10.0.0.0/8",
                "https://[::ffff:10.1.2.3]",
                Some("10.0.0.0/8"),
            ),
            (
                "bücher.example",
                "https://bücher.example",
                Some("bücher.example"),
            ),
            // Only on its own, not in a list, as in curl.
            ("a.example,*", HOST, None),
        ] {
            let (list_of, _odd) = NoProxy::parse(list);

            let found = list_of.entry_for(&Url::parse(url).unwrap());

            assert_eq!(found, expected, "{list:?} {url}");
        }
    }

    #[test]
    fn entries_that_fit_no_host_are_named() {
        for (list, expected) in [
            ("example.com, 10.0.0.0/8, [::1]:80, localhost", &[][..]),
            ("10.0.0.0/99", &["10.0.0.0/99"]),
            ("a.example,*", &["*"]),
            ("10.*", &["10.*"]),
            ("https://example.com", &["https://example.com"]),
            ("example.com:https", &["example.com:https"]),
            ("[::1", &["[::1"]),
            (".", &["."]),
        ] {
            assert_eq!(NoProxy::parse(list).1, expected, "{list}");
        }
    }
}
