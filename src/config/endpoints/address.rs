//! Reads where events go: from the configuration file or, if the address is itself a secret, from
//! where secrets are kept.

use url::Url;

use super::super::problem::Problems;
use super::super::secret_keys::SecretKeys;
use super::super::secrets::Vault;
use super::super::{Fault, raw};

/// An endpoint's address, and the key that gives it.
pub(in super::super) struct Address {
    pub(in super::super) url: Url,
    pub(in super::super) key: String,
}

/// Reads the addresses of all endpoints; `None` for an invalid one.
pub(in super::super) fn addresses(
    list: &[raw::Endpoint],
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Vec<Option<Address>> {
    let read = |(i, raw): (usize, &raw::Endpoint)| {
        let at = format!("endpoints[{i}]");
        address(&at, raw, vault, problems)
    };
    list.iter().enumerate().map(read).collect()
}

/// Reads the address of an endpoint; `None` if it is invalid.
pub(super) fn address(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Address> {
    let (key, text) = text(at, raw, vault, problems)?;
    let parsed = parse(&text).and_then(|url| match url.scheme() {
        "http" if !raw.allow_http => Err(plain_http()),
        _ => Ok(url),
    });
    match parsed {
        Ok(url) => Some(Address { url, key }),
        Err(fault) => {
            problems.add(format!("{at}.{key}"), fault);
            None
        }
    }
}

/// Returns the key that gives an address, and what it gives.
fn text(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<(String, String)> {
    let keys = SecretKeys {
        at,
        key: "url",
        file: raw.url_file.as_ref(),
        variable: raw.url_env.as_ref(),
    };
    match (&raw.url, keys.is_given()) {
        (Some(_), true) => {
            let fault = Fault::Conflict {
                detail: "the address is given twice, in `url` as well".to_owned(),
                remedy: "remove one of the two: an address with a token in it does not belong in this file",
            };
            problems.add(keys.path(), fault);
            None
        }
        (Some(url), false) => Some((keys.key.to_owned(), url.clone())),
        (None, true) => {
            let text = keys.secret(vault, problems)?;
            Some((keys.name(), text.expose().to_owned()))
        }
        (None, false) => {
            if !keys.is_noted(problems) {
                let remedy = "add the address that receives the events, or name the file that \
                              holds it in `url_file`";
                problems.add(format!("{at}.url"), Fault::Missing { remedy });
            }
            None
        }
    }
}

fn plain_http() -> Fault {
    Fault::PlainHttp {
        detail: "events would travel in plain text".to_owned(),
        remedy: "use https, or `allow_http = true` with `allow_private` in a network of your own",
    }
}

/// Parses an address. It may contain a token anywhere, so no fault repeats any part of it. Even the
/// text before the first colon may be part of a token, if somebody left out `https://`.
fn parse(text: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|error| Fault::BadUrl {
        detail: format!("not an address: {error}"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::BadUrl {
            detail: "the address has a user name or password in it".to_owned(),
        });
    }
    match url.scheme() {
        "https" | "http" => Ok(url),
        _ => Err(Fault::BadUrl {
            detail: "the address does not begin with `https://`".to_owned(),
        }),
    }
}
