//! Looks up a receiver's name and returns only allowed addresses.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressRule, RefusedAddress};

/// The machine's own look-up.
#[derive(Debug)]
pub(super) struct SystemLookup;

/// A look-up behind an [`AddressRule`].
///
/// The check is made here, between look-up and connection, and not before the request: a name that
/// answers differently the second time would pass an earlier check. The returned addresses are
/// those that we connect to; nobody looks the name up again.
pub(super) struct GuardedResolver {
    pub rule: AddressRule,
    pub lookup: Arc<dyn Resolve>,
}

/// A look-up of a proxy's name and no other.
///
/// The operator named the proxy, so it may have any address. The receiver's name is looked up by
/// the proxy. If we are asked for that name, a request is about to bypass the proxy.
pub(super) struct ProxyResolver {
    /// The proxy's name; `None` if it is known by its address.
    pub host: Option<String>,
    pub lookup: Arc<dyn Resolve>,
}

impl Resolve for SystemLookup {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.rule.clone();
        let found = self.lookup.resolve(name);
        Box::pin(async move {
            let allowed = allowed(&rule, found.await?)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

impl Resolve for ProxyResolver {
    fn resolve(&self, name: Name) -> Resolving {
        match self.host.as_deref() {
            Some(host) if host.eq_ignore_ascii_case(name.as_str()) => self.lookup.resolve(name),
            Some(_) | None => Box::pin(async { Err("only the proxy's name is looked up".into()) }),
        }
    }
}

/// Keeps the addresses that the rule allows; if there are none, says what is wrong with the first.
/// A name may well have a private address besides its public one.
fn allowed(
    rule: &AddressRule,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
    let mut allowed = Vec::new();
    let mut refused: Option<RefusedAddress> = None;
    for address in found {
        match rule.check(address.ip()) {
            Ok(()) => allowed.push(address),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    match refused {
        Some(error) if allowed.is_empty() => Err(Box::new(error)),
        _ if allowed.is_empty() => Err("the name has no address".into()),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::transport::address::Others;

    fn check(named: &[&str], found: &[&str]) -> Result<Vec<String>, String> {
        let rule = AddressRule {
            named: named.iter().map(|net| net.parse().unwrap()).collect(),
            others: Others::PublicOnly,
        };
        let found = found
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
        allowed(&rule, found)
            .map(|kept| kept.iter().map(|a| a.ip().to_string()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_allowed_addresses_come_through() {
        assert_eq!(
            check(&[], &["10.0.0.1", "8.8.8.8"]),
            Ok(vec!["8.8.8.8".into()])
        );
        assert_eq!(
            check(&["10.0.0.0/8"], &["10.0.0.1", "192.168.0.1"]),
            Ok(vec!["10.0.0.1".into()])
        );
        assert_eq!(
            check(&[], &["::ffff:10.0.0.1", "127.0.0.1"]),
            Err("::ffff:10.0.0.1 is a private address".into())
        );
        assert_eq!(check(&[], &[]), Err("the name has no address".into()));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_it_is_looked_up() {
        let resolver = GuardedResolver {
            rule: AddressRule {
                named: Vec::new(),
                others: Others::PublicOnly,
            },
            lookup: Arc::new(SystemLookup),
        };

        let error = resolver.resolve("localhost".parse().unwrap()).await.err();

        let error = error.expect("localhost is no public name");
        assert!(error.downcast_ref::<RefusedAddress>().is_some());
    }

    #[tokio::test]
    async fn with_a_proxy_no_other_name_is_looked_up() {
        let resolver = |host: Option<&str>| ProxyResolver {
            host: host.map(str::to_owned),
            lookup: Arc::new(SystemLookup),
        };
        for (host, expected) in [
            (Some("LocalHost"), true),
            (Some("proxy"), false),
            (None, false),
        ] {
            let found = resolver(host).resolve("localhost".parse().unwrap()).await;

            assert_eq!(found.is_ok(), expected, "{host:?}");
        }
    }
}
