//! Validates who we are to Qlik: a client with a secret or a key, or an API key.

use super::problem::Problems;
use super::secret_keys::SecretKeys;
use super::secrets::Vault;
use super::values::required;
use super::{Fault, raw};
use crate::connector::qlik::{Credentials, SigningKey};

/// Returns the keys of a connection that belong to an OAuth client, and whether each is set.
pub(super) fn client_keys(raw: &raw::Connection) -> Vec<(String, bool)> {
    let mut keys = vec![("client_id".to_owned(), raw.client_id.is_some())];
    keys.extend(client_secret("", raw).each());
    keys.extend(private_key("", raw).each());
    keys.push(("key_id".to_owned(), raw.key_id.is_some()));
    keys
}

/// Returns the keys of a connection that belong to an API key, and whether each is set.
pub(super) fn api_key_keys(raw: &raw::Connection) -> Vec<(String, bool)> {
    api_key_of("", raw).each().into()
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
    let by_secret = client_secret(at, raw);
    if by_key.is_given() && by_secret.is_given() {
        problems.add(
            by_key.path(),
            Fault::Conflict {
                detail: "the client has a secret as well, in `client_secret_…`".to_owned(),
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
                detail: "`key_id` is set, but no private key".to_owned(),
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
    let key = api_key_of(at, raw).secret(vault, problems);
    key.map(Credentials::ApiKey)
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

fn client_secret<'a>(at: &'a str, raw: &'a raw::Connection) -> SecretKeys<'a> {
    SecretKeys {
        at,
        key: "client_secret",
        file: raw.client_secret_file.as_ref(),
        variable: raw.client_secret_env.as_ref(),
    }
}

fn api_key_of<'a>(at: &'a str, raw: &'a raw::Connection) -> SecretKeys<'a> {
    SecretKeys {
        at,
        key: "api_key",
        file: raw.api_key_file.as_ref(),
        variable: raw.api_key_env.as_ref(),
    }
}

fn private_key<'a>(at: &'a str, raw: &'a raw::Connection) -> SecretKeys<'a> {
    SecretKeys {
        at,
        key: "private_key",
        file: raw.private_key_file.as_ref(),
        variable: raw.private_key_env.as_ref(),
    }
}
