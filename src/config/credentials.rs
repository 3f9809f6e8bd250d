//! Validates who we are to Qlik: a client with a secret or a key, or an API key.

use super::problem::Problems;
use super::secrets::Vault;
use super::validate::required;
use super::{Fault, raw};
use crate::connector::qlik::{Credentials, SigningKey};
use crate::secret::Secret;

/// The keys of a connection that belong to an OAuth client.
pub(super) fn client_keys(raw: &raw::Connection) -> [(&'static str, Option<&String>); 6] {
    [
        ("client_id", raw.client_id.as_ref()),
        ("client_secret_file", raw.client_secret_file.as_ref()),
        ("client_secret_env", raw.client_secret_env.as_ref()),
        ("private_key_file", raw.private_key_file.as_ref()),
        ("private_key_env", raw.private_key_env.as_ref()),
        ("key_id", raw.key_id.as_ref()),
    ]
}

/// The keys of a connection that belong to an API key.
pub(super) fn api_key_keys(raw: &raw::Connection) -> [(&'static str, Option<&String>); 2] {
    [
        ("api_key_file", raw.api_key_file.as_ref()),
        ("api_key_env", raw.api_key_env.as_ref()),
    ]
}

/// Validates an OAuth client: its id, and either a secret or a private key.
pub(super) fn client(
    at: &str,
    raw: &raw::Connection,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Credentials> {
    let client_id = required(
        &format!("{at}.client_id"),
        raw.client_id.clone(),
        "add the id of an OAuth client that is trusted and may use client credentials",
        problems,
    );
    let by_key = raw.private_key_file.is_some() || raw.private_key_env.is_some();
    let by_secret = raw.client_secret_file.is_some() || raw.client_secret_env.is_some();
    if by_key && by_secret {
        problems.add(
            format!("{at}.private_key{}", end(raw.private_key_file.as_ref())),
            Fault::Conflict {
                detail: "the client has a secret as well, by `client_secret_…`".to_owned(),
                remedy: "remove one of the two",
            },
        );
        return None;
    }
    if by_key || problems.has(&format!("{at}.private_key")) {
        let key = signing_key(at, raw, vault, problems);
        return Some(Credentials::PrivateKey {
            client_id: client_id?,
            key: key?,
        });
    }
    if raw.key_id.is_some() {
        problems.add(
            format!("{at}.key_id"),
            Fault::Conflict {
                detail: "there is no private key that it could be the id of".to_owned(),
                remedy: "add `private_key_file`, or remove it",
            },
        );
    }
    let named = Named {
        at,
        key: "client_secret",
        file: raw.client_secret_file.as_ref(),
        variable: raw.client_secret_env.as_ref(),
    };
    let secret = named.secret(vault, problems);
    Some(Credentials::ClientSecret {
        client_id: client_id?,
        secret: secret?,
    })
}

/// Validates an API key.
pub(super) fn api_key(
    at: &str,
    raw: &raw::Connection,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Credentials> {
    let named = Named {
        at,
        key: "api_key",
        file: raw.api_key_file.as_ref(),
        variable: raw.api_key_env.as_ref(),
    };
    named.secret(vault, problems).map(Credentials::ApiKey)
}

fn signing_key(
    at: &str,
    raw: &raw::Connection,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<SigningKey> {
    let key_id = required(
        &format!("{at}.key_id"),
        raw.key_id.as_deref(),
        "add the id (`kid`) of the JSON Web Key that is registered with the client",
        problems,
    );
    let named = Named {
        at,
        key: "private_key",
        file: raw.private_key_file.as_ref(),
        variable: raw.private_key_env.as_ref(),
    };
    let pem = named.secret(vault, problems)?;
    SigningKey::parse(&pem, key_id?)
        .map_err(|source| {
            let end = end(raw.private_key_file.as_ref());
            problems.add(format!("{at}.private_key{end}"), Fault::BadKey { source });
        })
        .ok()
}

fn end(file: Option<&String>) -> &'static str {
    if file.is_some() { "_file" } else { "_env" }
}

/// A secret of a connection or a tenant, and where it is said to be.
pub(super) struct Named<'a> {
    pub(super) at: &'a str,
    pub(super) key: &'static str,
    pub(super) file: Option<&'a String>,
    pub(super) variable: Option<&'a String>,
}

impl Named<'_> {
    pub(super) fn secret(&self, vault: &Vault<'_>, problems: &mut Problems) -> Option<Secret> {
        let Self { at, key, .. } = self;
        let (suffix, found) = match (self.file, self.variable) {
            (Some(file), None) => ("_file", vault.file(key, file)),
            (None, Some(variable)) => ("_env", vault.variable(key, variable)),
            (Some(_), Some(_)) => (
                "_env",
                Err(Fault::Conflict {
                    detail: format!("the secret is given twice, by `{key}_file` as well"),
                    remedy: "remove one of the two",
                }),
            ),
            // Written in the file, or of the wrong type: that was noted.
            (None, None)
                if ["", "_file", "_env"]
                    .iter()
                    .any(|end| problems.has(&format!("{at}.{key}{end}"))) =>
            {
                return None;
            }
            (None, None) => (
                "_file",
                Err(Fault::Missing {
                    remedy: "name the file that holds the secret, or use the key that ends in `_env` to name an environment variable",
                }),
            ),
        };
        found
            .map_err(|fault| problems.add(format!("{at}.{key}{suffix}"), fault))
            .ok()
    }
}
