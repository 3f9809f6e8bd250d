//! Validates how an endpoint is reached: networks, certificates, proxy, headers, handshake.

use std::collections::BTreeMap;

use ipnet::IpNet;
use url::Url;

use super::super::problem::Problems;
use super::super::secret_keys::SecretKeys;
use super::super::secrets::{Vault, looks_secret};
use super::super::values::required;
use super::super::{Fault, raw};
use crate::deliver::{Egress, ExtraHeaders, Origin};
use crate::environment_proxy::EnvironmentProxy;
use crate::forward_proxy::ForwardProxy;
use crate::secret::Secret;
use crate::tls::{Authorities, ClientCertificate};

/// Words in header names whose values are usually secret.
const SECRET_WORDS: [&str; 8] = [
    "auth",
    "cookie",
    "credential",
    "key",
    "pass",
    "secret",
    "signature",
    "token",
];

/// Validates the keys that concern the way to an endpoint.
pub(super) fn egress(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Egress> {
    let allow_private = networks(at, &raw.allow_private, problems);
    let is_http_anywhere = raw.allow_http && raw.allow_private.is_empty();
    if is_http_anywhere && !problems.has(&format!("{at}.allow_private")) {
        problems.add(
            format!("{at}.allow_http"),
            Fault::Conflict {
                detail: "plain http is for private networks only, and none is named".to_owned(),
                remedy: "name the receiver's network, `allow_private = [\"127.0.0.0/8\"]` for \
                         one, or use https",
            },
        );
    }
    let authorities = authorities(at, raw, vault, problems);
    let client_certificate = client_certificate(at, raw, vault, problems);
    let headers = headers(at, &raw.headers, vault, problems);
    let handshake = handshake(at, raw, problems);
    Some(Egress {
        allow_private: allow_private.filter(|_| !is_http_anywhere)?,
        allow_http: raw.allow_http,
        authorities: authorities.ok()?,
        client_certificate: client_certificate.ok()?,
        // The proxy also depends on the address, so it is set elsewhere.
        proxy: None,
        headers: headers?,
        handshake: handshake.ok()?,
    })
}

fn networks(at: &str, texts: &[String], problems: &mut Problems) -> Option<Vec<IpNet>> {
    let mut valid = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(network) => valid.push(network),
            Err(_not_a_network) => {
                let text = text.clone();
                problems.add(
                    format!("{at}.allow_private[{i}]"),
                    Fault::BadNetwork { text },
                );
            }
        }
    }
    (valid.len() == texts.len()).then_some(valid)
}

/// A setting that may be left out, or that is invalid.
pub(super) type Perhaps<T> = Result<Option<T>, Noted>;

/// The setting is invalid, and the problem was noted.
pub(super) struct Noted;

fn authorities(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Perhaps<Authorities> {
    let Some(file) = &raw.ca_file else {
        return Ok(None);
    };
    let read = vault.open_file(file).and_then(|pem| {
        Authorities::parse(&pem).map_err(|source| Fault::BadCertificate { source })
    });
    read.map(Some).map_err(|fault| {
        problems.add(format!("{at}.ca_file"), fault);
        Noted
    })
}

fn client_certificate(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Perhaps<ClientCertificate> {
    let keys = SecretKeys {
        at,
        key: "client_key",
        file: raw.client_key_file.as_ref(),
        variable: raw.client_key_env.as_ref(),
    };
    let Some(file) = &raw.client_cert_file else {
        if keys.is_given() {
            problems.add(
                keys.path(),
                Fault::Conflict {
                    detail: "a client key is set, but no client certificate".to_owned(),
                    remedy: "name the certificate's file in `client_cert_file`",
                },
            );
            return Err(Noted);
        }
        return Ok(None);
    };
    let chain = vault
        .open_file(file)
        .map_err(|fault| problems.add(format!("{at}.client_cert_file"), fault))
        .ok();
    let key = keys.secret(vault, problems);
    let (chain, key) = chain.zip(key).ok_or(Noted)?;
    ClientCertificate::parse(&chain, &key)
        .map(Some)
        .map_err(|source| {
            let fault = Fault::BadCertificate { source };
            problems.add(format!("{at}.client_cert_file"), fault);
            Noted
        })
}

/// The value of `proxy` that stands for the environment's proxy.
const ENVIRONMENT: &str = "environment";

/// Validates what requests to an endpoint go through.
///
/// The environment's proxy looks the receiver's name up itself, which bypasses the address rule,
/// and it may be unable to reach the networks of `allow_private`. So it is used only if the
/// endpoint says so.
pub(super) fn proxy(
    at: &str,
    raw: &raw::Endpoint,
    url: Option<&Url>,
    vault: &Vault<'_>,
    proxies: &EnvironmentProxy,
    problems: &mut Problems,
) -> Perhaps<ForwardProxy> {
    let keys = SecretKeys {
        at,
        key: "proxy_password",
        file: raw.proxy_password_file.as_ref(),
        variable: raw.proxy_password_env.as_ref(),
    };
    let Some(text) = &raw.proxy else {
        if !keys.is_given() {
            return Ok(None);
        }
        problems.add(
            keys.path(),
            Fault::Conflict {
                detail: "a proxy password is set, but no proxy".to_owned(),
                remedy: "name the proxy in `proxy`, or remove it",
            },
        );
        return Err(Noted);
    };
    if text == ENVIRONMENT {
        let conflict = match (keys.is_given(), url) {
            (true, _) => Some((
                keys.path(),
                "the environment's proxy has its password in its variable",
                "remove it, or name the proxy by its address",
            )),
            (false, Some(url)) if url.scheme() != "https" => Some((
                format!("{at}.proxy"),
                "the environment's proxy is for https only",
                "name the proxy by its address, or remove it",
            )),
            (false, _) => None,
        };
        let Some((key, detail, remedy)) = conflict else {
            return Ok(url.and_then(|url| proxies.for_url(url)).cloned());
        };
        let detail = detail.to_owned();
        problems.add(key, Fault::Conflict { detail, remedy });
        return Err(Noted);
    }
    let password = match keys.is_given() {
        true => Some(keys.secret(vault, problems).ok_or(Noted)?),
        false => None,
    };
    ForwardProxy::parse(text, password)
        .map(Some)
        .map_err(|source| {
            problems.add(format!("{at}.proxy"), Fault::BadProxy { source });
            Noted
        })
}

fn headers(
    at: &str,
    wanted: &BTreeMap<String, raw::Header>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<ExtraHeaders> {
    let mut headers = ExtraHeaders::default();
    let mut n_valid = 0;
    for (name, source) in wanted {
        let added = value(name, source, vault).and_then(|value| {
            let added = headers.add(name, &value);
            added.map_err(|source| Fault::BadHeader { source })
        });
        match added {
            Ok(()) => n_valid += 1,
            Err(fault) => problems.add(format!("{at}.headers.{name}"), fault),
        }
    }
    (n_valid == wanted.len()).then_some(headers)
}

/// Reads a header's value. Only a value that is not secret may be written in the file.
fn value(name: &str, source: &raw::Header, vault: &Vault<'_>) -> Result<Secret, Fault> {
    let kept = match source {
        raw::Header::Plain(text) => {
            let name = name.to_ascii_lowercase();
            let telling = SECRET_WORDS.iter().any(|word| name.contains(word));
            return match telling || looks_secret(text) {
                true => Err(Fault::SecretHeader),
                false => Ok(Secret::new(text)),
            };
        }
        raw::Header::Kept(kept) => kept,
    };
    match (&kept.file, &kept.env) {
        (Some(place), None) | (None, Some(place)) if looks_secret(place) => {
            Err(Fault::SecretHeader)
        }
        (Some(file), None) => vault.file("headers", file),
        (None, Some(variable)) => vault.variable("headers", variable),
        (None, None) => Err(Fault::Missing {
            remedy: "name the file that holds the value, `{ file = \"hr-api-key\" }`, or a \
                     variable in `env`",
        }),
        (Some(_), Some(_)) => Err(Fault::Conflict {
            detail: "the value is given twice".to_owned(),
            remedy: "keep only one of `file` and `env`",
        }),
    }
}

fn handshake(at: &str, raw: &raw::Endpoint, problems: &mut Problems) -> Perhaps<Origin> {
    let key = format!("{at}.handshake_origin");
    match (raw.handshake, &raw.handshake_origin) {
        (false, None) => Ok(None),
        (false, Some(_)) => {
            problems.add(
                key,
                Fault::Conflict {
                    detail: "the receiver is not asked for its consent".to_owned(),
                    remedy: "set `handshake = true`, or remove it",
                },
            );
            Err(Noted)
        }
        (true, name) => {
            let remedy = "add the DNS name by which receivers know this installation, such as \
                          `roster.example.com`";
            let name = required(&key, name.as_deref(), remedy, problems).ok_or(Noted)?;
            Origin::parse(name).map(Some).map_err(|source| {
                problems.add(key, Fault::BadOrigin { source });
                Noted
            })
        }
    }
}
