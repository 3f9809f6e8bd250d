//! The forward proxy that the environment names, and the hosts that it is used for. Pure.

use std::sync::Arc;

use url::Url;

use crate::forward_proxy::ForwardProxy;
use crate::loopback::is_loopback;
use crate::no_proxy::NoProxy;

/// The environment's proxy for https, if there is one.
///
/// It is read once, along with the configuration. A library that reads the environment by itself
/// silently ignores an unusable proxy, and requests then bypass it unnoticed.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentProxy(Option<Arc<Named>>);

#[derive(Debug)]
struct Named {
    proxy: ForwardProxy,
    exempt: NoProxy,
    /// The variable that lists the exempt hosts.
    exempt_by: &'static str,
}

/// Whether requests to a host go through the proxy, and why.
#[derive(Debug, Clone, Copy)]
pub enum ProxyChoice<'a> {
    /// The environment names no proxy.
    Unnamed,
    /// Through this proxy.
    Through(&'a ForwardProxy),
    /// Direct: a proxy cannot reach this machine's own addresses or resolve its names.
    ThisMachine,
    /// Direct, since a variable lists the host.
    Exempt {
        /// The variable.
        variable: &'static str,
        /// The entry that matches the host.
        entry: &'a str,
    },
    /// Direct: the environment's proxy is only for https.
    PlainHttp,
}

impl EnvironmentProxy {
    /// Makes it from the proxy and the hosts that bypass it.
    pub fn new(proxy: ForwardProxy, exempt: NoProxy, exempt_by: &'static str) -> Self {
        Self(Some(Arc::new(Named {
            proxy,
            exempt,
            exempt_by,
        })))
    }

    /// Returns the proxy, whichever hosts it is used for.
    pub fn named(&self) -> Option<&ForwardProxy> {
        self.0.as_ref().map(|named| &named.proxy)
    }

    /// Returns whether requests to a URL go through the proxy, and why.
    pub fn choice(&self, url: &Url) -> ProxyChoice<'_> {
        let Some(named) = &self.0 else {
            return ProxyChoice::Unnamed;
        };
        if url.host().is_some_and(|host| is_loopback(&host)) {
            return ProxyChoice::ThisMachine;
        }
        if url.scheme() != "https" {
            return ProxyChoice::PlainHttp;
        }
        match named.exempt.entry_for(url) {
            Some(entry) => ProxyChoice::Exempt {
                variable: named.exempt_by,
                entry,
            },
            None => ProxyChoice::Through(&named.proxy),
        }
    }

    /// Returns the proxy that requests to a URL go through.
    pub fn for_url(&self, url: &Url) -> Option<&ForwardProxy> {
        match self.choice(url) {
            ProxyChoice::Through(proxy) => Some(proxy),
            ProxyChoice::Unnamed
            | ProxyChoice::ThisMachine
            | ProxyChoice::Exempt { .. }
            | ProxyChoice::PlainHttp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_elsewhere_and_not_listed_goes_through_the_proxy() {
        let proxy = ForwardProxy::of_variable("https_proxy", "proxy:3128").unwrap();
        let (exempt, _odd) = NoProxy::parse("*.example.com,10.0.0.0/8");
        let environment = EnvironmentProxy::new(proxy, exempt, "no_proxy");
        for (url, expected) in [
            ("https://acme.eu.qlikcloud.com", "proxy"),
            ("https://10.1.2.3", "10.0.0.0/8"),
            ("https://hr.example.com", "*.example.com"),
            ("https://localhost", "here"),
            ("https://acme.localhost", "here"),
            ("https://127.0.0.2", "here"),
            ("https://[::1]:8443", "here"),
            ("http://hr.example.net", "plain"),
        ] {
            let choice = match environment.choice(&Url::parse(url).unwrap()) {
                ProxyChoice::Unnamed => "unnamed",
                ProxyChoice::Through(_) => "proxy",
                ProxyChoice::ThisMachine => "here",
                ProxyChoice::Exempt { entry, .. } => entry,
                ProxyChoice::PlainHttp => "plain",
            };

            assert_eq!(choice, expected, "{url}");
        }
    }
}
