//! The host of a tenant, in whatever form an operator writes it.

use std::fmt;

use url::{Host, Url};

use crate::loopback::is_loopback;

/// The domain that the legacy shorthand leaves out.
const DOMAIN: &str = "qlikcloud.com";
/// Domains below which a tenant's host name consists of a name and a region.
const REGIONAL: [&str; 2] = [DOMAIN, "qlik-stage.com"];
/// The domain below which a tenant has at least a name.
const GOVERNMENT: &str = "qlikcloudgov.com";
/// Second labels that are not names of regions: `acme.com` is a mistake, not a shorthand.
const NO_REGIONS: [&str; 7] = ["com", "net", "org", "io", "dev", "local", "localhost"];

/// The address of a tenant: `https` and a full host name, or an address of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantHost {
    base: Url,
}

/// Why a text does not name a tenant's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// Nothing, or something that is not a host name.
    #[error("not a host name; `acme.eu.qlikcloud.com` is one")]
    NoHost,
    /// A tenant without its region.
    #[error("the region is missing; `acme.eu.qlikcloud.com` has it")]
    NoRegion,
    /// A domain without a tenant.
    #[error("the tenant is missing; `acme.eu.qlikcloud.com` has it")]
    NoTenant,
    /// A host of Qlik's that is not a tenant.
    #[error("this host of Qlik's is not a tenant's")]
    NotATenant,
    /// An address instead of a name.
    #[error("tenants are reached by name, not by address")]
    Address,
    /// Something other than `https`.
    #[error("only https is supported, and http to this machine itself")]
    Scheme,
    /// A port.
    #[error("a port may be given for this machine itself only")]
    Port,
    /// A user name or password.
    #[error("user names and passwords don't belong in a host")]
    UserInfo,
}

impl InvalidHost {
    /// Returns the stable code of the error.
    pub fn code(self) -> &'static str {
        "qlik.invalid-host"
    }
}

impl TenantHost {
    /// Reads a full host name, a URL as a browser shows it, or the legacy shorthand `my-tenant.eu`.
    /// Government tenants need their full name.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let (url, name) = read(text)?;
        let Some(name) = name else {
            return Ok(Self { base: url });
        };
        Self::named(url, &full_name(&name)?)
    }

    /// Reads the host of an organization's console, which is not a tenant.
    pub fn parse_console(text: &str) -> Result<Self, InvalidHost> {
        let (url, name) = read(text)?;
        let Some(name) = name else {
            return Ok(Self { base: url });
        };
        if !name.contains('.') || name.split('.').any(str::is_empty) {
            return Err(InvalidHost::NoHost);
        }
        Self::named(url, &name)
    }

    fn named(mut url: Url, name: &str) -> Result<Self, InvalidHost> {
        url.set_host(Some(name)).or(Err(InvalidHost::NoHost))?;
        Ok(Self { base: url })
    }

    /// Returns possible names for the tenant, the shortest first: the first label of its host name,
    /// then more of them.
    pub fn names(&self) -> Vec<String> {
        let port = self.base.port().map(|port| format!("-{port}"));
        let whole = format!(
            "{}{}",
            self.base.host_str().unwrap_or_default(),
            port.unwrap_or_default()
        );
        let mut names = Vec::new();
        if let Some(Host::Domain(name)) = self.base.host() {
            let labels: Vec<&str> = name.split('.').collect();
            names.extend(labels.first().map(|first| (*first).to_owned()));
            names.extend(labels.get(..2).map(|first| first.join(".")));
        }
        names.push(whole);
        names
    }

    /// Returns whether the host is this machine itself.
    pub fn is_loopback(&self) -> bool {
        self.base.host().is_some_and(|host| is_loopback(&host))
    }

    /// Returns the host in a form that [`TenantHost::parse`] accepts.
    pub fn to_url(&self) -> String {
        self.base.to_string()
    }

    /// Returns the URL of a path, which must not begin with a slash.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// Returns whether a URL leads to this host. A port other than ours is another host; the
    /// scheme means nothing, since documented links say `http`.
    pub(super) fn is_host_of(&self, url: &Url) -> bool {
        let same_port = match (url.port(), self.base.port()) {
            (None, _) => true,
            (theirs, ours) => theirs == ours,
        };
        same_port && url.host() == self.base.host()
    }
}

/// Reads a URL or a host name. Returns its root URL, and its host name unless that is this machine.
/// For this machine any scheme and port are accepted.
fn read(text: &str) -> Result<(Url, Option<String>), InvalidHost> {
    let text = text.trim();
    let url = match text.split_once("://") {
        Some(_) => Url::parse(text),
        None => Url::parse(&format!("https://{text}")),
    };
    let mut url = url.or(Err(InvalidHost::NoHost))?;
    if text.contains(char::is_whitespace) {
        return Err(InvalidHost::NoHost);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidHost::UserInfo);
    }
    if !matches!(url.scheme(), "https" | "http") {
        return Err(InvalidHost::Scheme);
    }
    let host = url.host().ok_or(InvalidHost::NoHost)?.to_owned();
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    if is_loopback(&host) {
        return Ok((url, None));
    }
    let Host::Domain(name) = host else {
        return Err(InvalidHost::Address);
    };
    if url.scheme() != "https" {
        return Err(InvalidHost::Scheme);
    }
    if url.port().is_some() {
        return Err(InvalidHost::Port);
    }
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    Ok((url, Some(name)))
}

fn full_name(name: &str) -> Result<String, InvalidHost> {
    let labels: Vec<&str> = name.split('.').collect();
    if labels.iter().any(|label| label.is_empty()) {
        return Err(InvalidHost::NoHost);
    }
    for domain in REGIONAL {
        let Some(rest) = below(name, domain) else {
            continue;
        };
        return match rest.split('.').collect::<Vec<_>>().as_slice() {
            [""] => Err(InvalidHost::NoTenant),
            ["console" | "register" | "api" | "www", ..] => Err(InvalidHost::NotATenant),
            [_tenant_or_region] => Err(InvalidHost::NoRegion),
            _ => Ok(name.to_owned()),
        };
    }
    if let Some(rest) = below(name, GOVERNMENT) {
        return match rest {
            "" => Err(InvalidHost::NoTenant),
            _ => Ok(name.to_owned()),
        };
    }
    match labels.as_slice() {
        [_tenant] => Err(InvalidHost::NoRegion),
        [_, region] if NO_REGIONS.contains(region) => Err(InvalidHost::NoTenant),
        [tenant, region] => Ok(format!("{tenant}.{region}.{DOMAIN}")),
        // Tenants may have host names of their own, which cannot be told from mistakes.
        _ => Ok(name.to_owned()),
    }
}

/// Returns the part of a name before the domain, which is empty for the domain itself; `None` if
/// the name is outside the domain.
fn below<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(domain)?;
    match rest {
        "" => Some(""),
        _ => rest.strip_suffix('.'),
    }
}

/// Shows the host, with the port if there is one.
impl fmt::Display for TenantHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.base.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_found_in_what_operators_have() {
        for (text, base) in [
            ("acme.eu.qlikcloud.com", "https://acme.eu.qlikcloud.com/"),
            (
                "  ACME.EU.QlikCloud.com.\n",
                "https://acme.eu.qlikcloud.com/",
            ),
            (
                "https://my-tenant.eu.qlikcloud.com/hub?x=1#y",
                "https://my-tenant.eu.qlikcloud.com/",
            ),
            (
                "my-tenant.eu.qlikcloud.com/analytics/home",
                "https://my-tenant.eu.qlikcloud.com/",
            ),
            ("my-tenant.eu", "https://my-tenant.eu.qlikcloud.com/"),
            (
                "my-tenant.sa-east-1",
                "https://my-tenant.sa-east-1.qlikcloud.com/",
            ),
            (
                "https://acme.eu.qlikcloud.com:443/",
                "https://acme.eu.qlikcloud.com/",
            ),
            (
                "acme.gov.qlikcloudgov.com",
                "https://acme.gov.qlikcloudgov.com/",
            ),
            ("acme.qlikcloudgov.com", "https://acme.qlikcloudgov.com/"),
            ("acme.eu.qlik-stage.com", "https://acme.eu.qlik-stage.com/"),
            (
                "example-tenant.example.com",
                "https://example-tenant.example.com/",
            ),
            ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/"),
            ("http://localhost:8080", "http://localhost:8080/"),
            (
                "http://acme.localhost:8080/hub",
                "http://acme.localhost:8080/",
            ),
            ("https://[::1]:8443", "https://[::1]:8443/"),
            ("127.0.0.1:8443", "https://127.0.0.1:8443/"),
        ] {
            let host = TenantHost::parse(text).unwrap();

            assert_eq!(host.url("").as_str(), base, "{text:?}");
        }
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (text, error) in [
            ("", InvalidHost::NoHost),
            ("https://", InvalidHost::NoHost),
            ("acme eu.qlikcloud.com", InvalidHost::NoHost),
            ("acme..qlikcloud.com", InvalidHost::NoHost),
            ("acme", InvalidHost::NoRegion),
            ("eu.qlikcloud.com", InvalidHost::NoRegion),
            ("qlikcloud.com", InvalidHost::NoTenant),
            ("qlikcloudgov.com", InvalidHost::NoTenant),
            ("acme.com", InvalidHost::NoTenant),
            ("https://console.qlikcloud.com", InvalidHost::NotATenant),
            ("register.eu.qlikcloud.com", InvalidHost::NotATenant),
            ("10.0.0.5", InvalidHost::Address),
            ("https://[2001:db8::1]/", InvalidHost::Address),
            ("http://acme.eu.qlikcloud.com", InvalidHost::Scheme),
            ("ftp://acme.eu.qlikcloud.com", InvalidHost::Scheme),
            ("acme.eu.qlikcloud.com:8443", InvalidHost::Port),
            ("https://me:pw@acme.eu.qlikcloud.com", InvalidHost::UserInfo),
            ("http://127.0.0.1.example.com", InvalidHost::Scheme),
        ] {
            assert_eq!(TenantHost::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_console_is_no_tenant_and_a_tenant_may_be_none() {
        for (text, base) in [
            (
                "console.qlikcloud.com",
                Ok("https://console.qlikcloud.com/"),
            ),
            (
                "https://console.qlikcloud.com/admin/oauth",
                Ok("https://console.qlikcloud.com/"),
            ),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080/")),
            ("console", Err(InvalidHost::NoHost)),
            ("http://console.qlikcloud.com", Err(InvalidHost::Scheme)),
            ("10.0.0.5", Err(InvalidHost::Address)),
        ] {
            let host = TenantHost::parse_console(text);

            assert_eq!(
                host.map(|host| host.url("").to_string()),
                base.map(str::to_owned),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_tenant_is_called_by_its_first_label_or_by_more() {
        for (text, names) in [
            (
                "acme.eu.qlikcloud.com",
                &["acme", "acme.eu", "acme.eu.qlikcloud.com"][..],
            ),
            (
                "http://acme.localhost:80",
                &["acme", "acme.localhost", "acme.localhost"],
            ),
            ("http://127.0.0.1:8080", &["127.0.0.1-8080"]),
        ] {
            assert_eq!(TenantHost::parse(text).unwrap().names(), names, "{text}");
        }
    }

    #[test]
    fn another_port_is_another_host() {
        let host = TenantHost::parse("http://127.0.0.1:8080").unwrap();

        for (url, same) in [
            ("http://127.0.0.1:8080/a", true),
            ("https://127.0.0.1/a", true),
            ("http://127.0.0.1:8081/a", false),
            ("http://127.0.0.2:8080/a", false),
        ] {
            assert_eq!(host.is_host_of(&Url::parse(url).unwrap()), same, "{url}");
        }
    }
}
