//! Validates which records an endpoint is told about, and which of their fields it sees.

use std::collections::BTreeSet;

use super::super::problem::Problems;
use super::super::secret_keys::SecretKeys;
use super::super::secrets::Vault;
use super::super::{Fault, raw};
use crate::deliver::{InvalidPrivacy, Privacy, Selection};
use crate::model::Kind;

/// Validates the keys that choose records.
pub(super) fn selection(
    at: &str,
    raw: &raw::Endpoint,
    problems: &mut Problems,
) -> Option<Selection> {
    let mut fits = true;
    for (key, list) in [
        ("tenants", &raw.tenants),
        ("kinds", &raw.kinds),
        ("roles", &raw.roles),
    ] {
        if list.as_ref().is_some_and(Vec::is_empty) {
            fits = false;
            problems.add(
                format!("{at}.{key}"),
                Fault::Conflict {
                    detail: "the list is empty, so nothing would ever be sent".to_owned(),
                    remedy: "leave it out to get all",
                },
            );
        }
    }
    let set = |list: &Option<Vec<String>>| {
        let list = list.as_ref()?;
        Some(list.iter().cloned().collect::<BTreeSet<_>>())
    };
    let kinds = match &raw.kinds {
        None => None,
        Some(words) => Some(kinds(at, words, problems)?),
    };
    fits.then(|| Selection {
        tenants: set(&raw.tenants),
        kinds,
        roles: set(&raw.roles),
    })
}

/// Validates the keys that withhold fields from the endpoint.
pub(super) fn privacy(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Privacy> {
    let keys = SecretKeys {
        at,
        key: "hash_key",
        file: raw.hash_key_file.as_ref(),
        variable: raw.hash_key_env.as_ref(),
    };
    if keys.is_given() && raw.hash.is_empty() {
        problems.add(
            keys.path(),
            Fault::Conflict {
                detail: "a key is set, but no field to hash".to_owned(),
                remedy: "name the fields in `hash`, or remove it",
            },
        );
        return None;
    }
    let key = if raw.hash.is_empty() {
        None
    } else {
        Some(keys.secret(vault, problems)?)
    };
    // One list at a time, so that the problem names the right key.
    if let Err(source) = Privacy::parse(&raw.omit, &[], None) {
        problems.add(format!("{at}.omit"), Fault::BadPrivacy { source });
        return None;
    }
    Privacy::parse(&raw.omit, &raw.hash, key.as_ref())
        .map_err(|source| {
            let place = match &source {
                InvalidPrivacy::Unknown { .. }
                | InvalidPrivacy::NotText { .. }
                | InvalidPrivacy::Twice { .. } => format!("{at}.hash"),
                InvalidPrivacy::NoKey | InvalidPrivacy::ShortKey { .. } => keys.path(),
            };
            problems.add(place, Fault::BadPrivacy { source });
        })
        .ok()
}

fn kinds(at: &str, words: &[String], problems: &mut Problems) -> Option<BTreeSet<Kind>> {
    let mut kinds = BTreeSet::new();
    for word in words {
        let Ok(kind) = word.parse() else {
            let fault = Fault::BadChoice {
                text: word.clone(),
                allowed: "`user`, `group` or `role`",
            };
            problems.add(format!("{at}.kinds"), fault);
            return None;
        };
        kinds.insert(kind);
    }
    Some(kinds)
}
