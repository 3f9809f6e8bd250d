//! A forward proxy that an operator names.

use std::fmt;

use url::{Host, Url};

use crate::secret::Secret;

/// A proxy that requests go through, and who we are to it.
#[derive(Clone)]
pub struct ForwardProxy {
    url: Url,
    password: Option<Secret>,
}

/// Why a text names no proxy. No message holds it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// No address at all.
    #[error("not an address: {0}")]
    NoAddress(url::ParseError),
    /// Neither http nor https.
    #[error("`{scheme}` is neither http nor https")]
    Scheme {
        /// What the address starts with.
        scheme: String,
    },
    /// The password is part of the address.
    #[error("the address holds a password")]
    Password,
    /// The user's name is written in a way that leaves open what is meant.
    #[error("the user name in the address is not plain letters, digits, `-`, `_` and `.`")]
    User,
    /// A password for nobody.
    #[error("there is a password and no user name")]
    NoUser,
    /// More than a proxy's address has.
    #[error("the address has a path, a query or a fragment")]
    Path,
}

impl ForwardProxy {
    /// Checks a proxy's address, `http://user@proxy.example.com:3128`, and its password.
    pub fn parse(text: &str, password: Option<Secret>) -> Result<Self, InvalidProxy> {
        let url = Url::parse(text).map_err(InvalidProxy::NoAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidProxy::Scheme {
                scheme: url.scheme().to_owned(),
            });
        }
        if url.password().is_some() {
            return Err(InvalidProxy::Password);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !url.username().chars().all(plain) {
            return Err(InvalidProxy::User);
        }
        if url.username().is_empty() && password.is_some() {
            return Err(InvalidProxy::NoUser);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidProxy::Path);
        }
        Ok(Self { url, password })
    }

    /// Returns the name that must be looked up to reach it; none: it has an address.
    pub(crate) fn host_name(&self) -> Option<&str> {
        match self.url.host() {
            Some(Host::Domain(name)) => Some(name),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => None,
        }
    }

    /// Returns its address, which may hold a user's name.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Returns its address without a user.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Returns the user's name and password, if it has any.
    pub(crate) fn user(&self) -> Option<(&str, &str)> {
        let name = self.url.username();
        let password = self.password.as_ref().map_or("", Secret::expose);
        (!name.is_empty()).then_some((name, password))
    }
}

impl InvalidProxy {
    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoAddress(_) | Self::Scheme { .. } | Self::Path => {
                "write it as `http://proxy.example.com:3128`"
            }
            Self::Password => {
                "leave the user name in it, and name the password's file by `proxy_password_file`"
            }
            Self::User => "give qlik-roster a user of its own with a plain name",
            Self::NoUser => {
                "write the user into the address: `http://roster@proxy.example.com:3128`"
            }
        }
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
            (
                "socks5://proxy:1080",
                None,
                "`socks5` is neither http nor https",
            ),
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
                "there is a password and no user name",
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
}
