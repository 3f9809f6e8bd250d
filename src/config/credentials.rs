//! Validates who we are to Qlik: a client with a secret or a key, or an API key.

use super::problem::Problems;
use super::secret_keys::SecretKeys;
use super::secrets::Vault;
use super::values::required;
use super::{Fault, raw};
use crate::connector::qlik::{Credentials, SigningKey};

/// Returns the keys of a connection that belong to an OAuth client, with their values.
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

/// Returns the keys of a connection that belong to an API key, with their values.
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
    let by_key = private_key(at, raw);
    let by_secret = SecretKeys {
        at,
        key: "client_secret",
        file: raw.client_secret_file.as_ref(),
        variable: raw.client_secret_env.as_ref(),
    };
    if by_key.is_given() && by_secret.is_given() {
        problems.add(
            by_key.path(),
            Fault::Conflict {
                detail: "the client has a secret as well, by `client_secret_…`".to_owned(),
                remedy: "remove one of the two",
            },
        );
        return None;
    }
    if by_key.is_given() || problems.has(&format!("{at}.private_key")) {
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
    let secret = by_secret.secret(vault, problems);
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
    let keys = SecretKeys {
        at,
        key: "api_key",
        file: raw.api_key_file.as_ref(),
        variable: raw.api_key_env.as_ref(),
    };
    keys.secret(vault, problems).map(Credentials::ApiKey)
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
    let keys = private_key(at, raw);
    let pem = keys.secret(vault, problems)?;
    SigningKey::parse(&pem, key_id?)
        .map_err(|source| problems.add(keys.path(), Fault::BadKey { source }))
        .ok()
}

fn private_key<'a>(at: &'a str, raw: &'a raw::Connection) -> SecretKeys<'a> {
    SecretKeys {
        at,
        key: "private_key",
        file: raw.private_key_file.as_ref(),
        variable: raw.private_key_env.as_ref(),
    }
}
