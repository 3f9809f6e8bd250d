//! A forward proxy that an operator names, in the configuration or in the environment.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::secret::Secret;

/// A proxy that requests go through, and our credentials there.
#[derive(Clone)]
pub struct ForwardProxy {
    /// Without a user.
    address: Url,
    user: Option<User>,
    named_by: NamedBy,
}

/// Our credentials at a proxy.
#[derive(Clone)]
struct User {
    name: String,
    password: Secret,
}

/// Who named a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The key `proxy` of an endpoint.
    Setting,
    /// This environment variable.
    Variable(&'static str),
}

/// Why a text does not name a proxy. No message contains the text, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// No address at all.
    #[error("not an address: {0}")]
    NoAddress(url::ParseError),
    /// Not valid text.
    #[error("not an address: not UTF-8")]
    NoText,
    /// The scheme is not http or https.
    #[error("`{scheme}` is not http or https")]
    Scheme {
        /// What the address starts with.
        scheme: String,
    },
    /// The password is part of the address.
    #[error("the address holds a password")]
    Password,
    /// The user's name is ambiguous.
    #[error("the user name in the address is not plain letters, digits, `-`, `_` and `.`")]
    User,
    /// A password without a user.
    #[error("there is a password but no user name")]
    NoUser,
    /// The address has a path, query or fragment, which a proxy's address cannot have.
    #[error("the address has a path, a query or a fragment")]
    Path,
}

impl ForwardProxy {
    /// Checks a proxy's address, such as `http://user@proxy.example.com:3128`, and its password, as
    /// given in an endpoint's settings.
    pub fn parse(text: &str, password: Option<Secret>) -> Result<Self, InvalidProxy> {
        let mut address = address(text)?;
        if address.password().is_some() {
            return Err(InvalidProxy::Password);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !address.username().chars().all(plain) {
            return Err(InvalidProxy::User);
        }
        let name = take_user(&mut address);
        if name.is_empty() && password.is_some() {
            return Err(InvalidProxy::NoUser);
        }
        let password = password.unwrap_or_else(|| Secret::exactly(""));
        Ok(Self {
            address,
            user: (!name.is_empty()).then_some(User { name, password }),
            named_by: NamedBy::Setting,
        })
    }

    /// Checks a proxy's address as given in an environment variable: `http://` may be left out, and
    /// the address contains user and password, percent-encoded if necessary.
    pub fn of_variable(variable: &'static str, text: &str) -> Result<Self, InvalidProxy> {
        let text = text.trim();
        let mut address = match text.contains("://") {
            true => address(text)?,
            false => address(&format!("http://{text}"))?,
        };
        let password = address.password().map(plain);
        let name = plain(&take_user(&mut address));
        if name.is_empty() && password.is_some() {
            return Err(InvalidProxy::NoUser);
        }
        let password = Secret::exactly(&password.unwrap_or_default());
        Ok(Self {
            address,
            user: (!name.is_empty()).then_some(User { name, password }),
            named_by: NamedBy::Variable(variable),
        })
    }

    /// Returns the name that must be looked up to reach it; `None` if it is given as an IP address.
    pub(crate) fn host_name(&self) -> Option<&str> {
        match self.address.host() {
            Some(Host::Domain(name)) => Some(name),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => None,
        }
    }

    /// Returns its address, without a user.
    pub(crate) fn url(&self) -> &Url {
        &self.address
    }

    /// Returns scheme, host and port.
    pub fn origin(&self) -> String {
        self.address.origin().ascii_serialization()
    }

    /// Returns who named it.
    pub fn named_by(&self) -> NamedBy {
        self.named_by
    }

    /// Returns the user's name and password, if it has any.
    pub(crate) fn user(&self) -> Option<(&str, &str)> {
        let user = self.user.as_ref()?;
        Some((&user.name, user.password.expose()))
    }
}

fn address(text: &str) -> Result<Url, InvalidProxy> {
    let url = Url::parse(text).map_err(InvalidProxy::NoAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(InvalidProxy::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    // This also catches a `/`, `?` or `#` in a password, after which the rest would name another
    // host.
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidProxy::Path);
    }
    Ok(url)
}

/// Removes user and password from an address, and returns the user's name as written.
fn take_user(address: &mut Url) -> String {
    let name = address.username().to_owned();
    // This fails only for an address without a host, and http always has one.
    let _taken = address.set_username("");
    let _taken = address.set_password(None);
    name
}

fn plain(encoded: &str) -> String {
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

impl InvalidProxy {
    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoAddress(_) | Self::NoText | Self::Scheme { .. } => {
                "write it as `http://proxy.example.com:3128`"
            }
            Self::Path => {
                "write it as `http://proxy.example.com:3128`; in an environment variable, write a \
                 `/`, `?` or `#` of the password as `%2F`, `%3F` or `%23`"
            }
            Self::Password => {
                "leave the user name in it, and name the password's file in `proxy_password_file`"
            }
            Self::User => "give qlik-roster a user of its own with a plain name",
            Self::NoUser => {
                "write the user into the address: `http://roster@proxy.example.com:3128`"
            }
        }
    }
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting => "`proxy`",
            Self::Variable(name) => name,
        })
    }
}

impl fmt::Debug for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForwardProxy({})", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, password: Option<&str>) -> Result<String, String> {
        ForwardProxy::parse(text, password.map(Secret::new))
            .map(|proxy| format!("{proxy:?} {:?} {:?}", proxy.host_name(), proxy.user()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_is_an_address_and_perhaps_a_user() {
        for (text, password, expected) in [
            (
                "http://proxy:3128",
                None,
                r#"ForwardProxy(http://proxy:3128) Some("proxy") None"#,
            ),
            (
                "https://roster@[fd00::1]/",
                Some("hunter2"),
                r#"ForwardProxy(https://[fd00::1]) None Some(("roster", "hunter2"))"#,
            ),
        ] {
            assert_eq!(check(text, password), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_told_without_its_secrets() {
        for (text, password, expected) in [
            ("proxy", None, "not an address: relative URL without a base"),
            ("socks5://proxy:1080", None, "`socks5` is not http or https"),
            (
                "http://roster:hunter2@proxy",
                None,
                "the address holds a password",
            ),
            (
                "http://ro%73ter@proxy",
                None,
                "the user name in the address is not plain letters, digits, `-`, `_` and `.`",
            ),
            (
                "http://proxy",
                Some("hunter2"),
                "there is a password but no user name",
            ),
            (
                "http://proxy/path",
                None,
                "the address has a path, a query or a fragment",
            ),
        ] {
            assert_eq!(check(text, password), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_variable_holds_the_user_and_the_password_and_perhaps_no_scheme() {
        for (text, expected) in [
            (
                "proxy.example.com:3128",
                "http://proxy.example.com:3128 None",
            ),
            ("10.0.0.7", "http://10.0.0.7 None"),
            ("https://proxy/", "https://proxy None"),
            (
                "http://roster:p%23s%2Fw%2541@proxy:3128",
                r#"http://proxy:3128 Some(("roster", "p#s/w%41"))"#,
            ),
            (
                "me%40corp:x@[::1]:3128",
                r#"http://[::1]:3128 Some(("me@corp", "x"))"#,
            ),
            ("roster@proxy", r#"http://proxy Some(("roster", ""))"#),
        ] {
            let proxy = ForwardProxy::of_variable("HTTPS_PROXY", text).unwrap();

            assert_eq!(format!("{} {:?}", proxy.origin(), proxy.user()), expected);
            assert_eq!(proxy.named_by().to_string(), "HTTPS_PROXY");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_told_without_its_secrets() {
        let path = "the address has a path, a query or a fragment";
        for (text, expected) in [
            ("http://", "not an address: empty host"),
            ("http://roster:hunter2@:3128", "not an address: empty host"),
            ("http://proxy:port", "not an address: invalid port number"),
            (
                "http://my proxy:3128",
                "not an address: invalid international domain name",
            ),
            ("socks5h://proxy:1080", "`socks5h` is not http or https"),
            (
                "http://roster:hun/ter2@proxy",
                "not an address: invalid port number",
            ),
            ("http://roster/hunter2@proxy", path),
            ("proxy:3128/hunter2", path),
            (
                "http://:hunter2@proxy",
                "there is a password but no user name",
            ),
        ] {
            let error = ForwardProxy::of_variable("HTTPS_PROXY", text).unwrap_err();

            assert_eq!(error.to_string(), expected, "{text}");
        }
    }
}
