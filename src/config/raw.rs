//! The configuration as written: names and types, nothing else.
//!
//! Everything is optional here, so that the validating stage can report all that is missing at
//! once, by full keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) store: Store,
    pub(super) server: Server,
    pub(super) sync: Sync,
    pub(super) access: Access,
    pub(super) connections: Vec<Connection>,
    pub(super) tenants: Vec<Tenant>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) alerts: Vec<Alert>,
    pub(super) exports: Vec<Export>,
    pub(super) log: Log,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    pub(super) path: Option<String>,
    pub(super) keep: Option<String>,
    pub(super) keep_runs: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) listen: Option<String>,
    pub(super) tls: Option<ServerTls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServerTls {
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sync {
    pub(super) schedule: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) jitter: Option<String>,
    pub(super) concurrency: Option<u32>,
    pub(super) poll: Option<String>,
    pub(super) poll_overlap: Option<String>,
    pub(super) absent_sweeps: Option<u32>,
    pub(super) guard: Guard,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Guard {
    pub(super) mode: Option<String>,
    pub(super) users: Option<Limits>,
    pub(super) roles: Option<Limits>,
    pub(super) groups: Option<Limits>,
    pub(super) memberships: Option<Limits>,
    pub(super) role_assignments: Option<Limits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) max_share: Option<f64>,
    pub(super) max_count: Option<u64>,
    pub(super) min_population: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Access {
    pub(super) sod: Vec<Separation>,
    pub(super) spaces: Option<bool>,
    pub(super) licences: Option<bool>,
    pub(super) interval: Option<String>,
    pub(super) sessions: Option<bool>,
    pub(super) idle_admin: Option<String>,
    pub(super) left_idp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Separation {
    pub(super) name: Option<String>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) left: Vec<String>,
    pub(super) right: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Connection {
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<String>,
    pub(super) client_secret_env: Option<String>,
    pub(super) private_key_file: Option<String>,
    pub(super) private_key_env: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) api_key_file: Option<String>,
    pub(super) api_key_env: Option<String>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) console: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) regions: Option<Vec<String>>,
    pub(super) statuses: Option<Vec<String>>,
    pub(super) include: Option<Vec<String>>,
    pub(super) exclude: Option<Vec<String>>,
    pub(super) read_with: Option<String>,
    pub(super) discover_every: Option<String>,
    pub(super) rate_share: Option<f64>,
    pub(super) requests_per_minute: Option<u32>,
    pub(super) outlast: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tenant {
    pub(super) name: Option<String>,
    pub(super) host: Option<String>,
    pub(super) connection: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) poll: Option<String>,
    pub(super) spaces: Option<bool>,
    pub(super) licences: Option<bool>,
    pub(super) sessions: Option<bool>,
    pub(super) webhook_secret_file: Option<String>,
    pub(super) webhook_secret_env: Option<String>,
    pub(super) guard: Guard,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch in the file"
)]
pub(super) struct Endpoint {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) url_file: Option<String>,
    pub(super) url_env: Option<String>,
    pub(super) secret_file: OneOrTwo,
    pub(super) secret_env: OneOrTwo,
    pub(super) events: Option<Vec<String>>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) kinds: Option<Vec<String>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) omit: Vec<String>,
    pub(super) hash: Vec<String>,
    pub(super) hash_key_file: Option<String>,
    pub(super) hash_key_env: Option<String>,
    pub(super) format: Option<String>,
    pub(super) source: Option<String>,
    pub(super) max_batch: Option<u32>,
    pub(super) max_batch_bytes: Option<u32>,
    pub(super) max_wait: Option<String>,
    pub(super) set_audience: Option<String>,
    pub(super) set_events: Option<String>,
    pub(super) set_key_file: Option<String>,
    pub(super) set_key_env: Option<String>,
    pub(super) allow_private: Vec<String>,
    pub(super) allow_http: bool,
    pub(super) ca_file: Option<String>,
    pub(super) client_cert_file: Option<String>,
    pub(super) client_key_file: Option<String>,
    pub(super) client_key_env: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) proxy_password_file: Option<String>,
    pub(super) proxy_password_env: Option<String>,
    pub(super) headers: BTreeMap<String, Header>,
    pub(super) handshake: bool,
    pub(super) handshake_origin: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) retry_schedule: Option<Vec<String>>,
    pub(super) max_in_flight: Option<u32>,
    pub(super) max_per_second: Option<u32>,
    pub(super) disable_after: Option<String>,
    pub(super) backfill: bool,
    pub(super) expand_lists: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alert {
    pub(super) name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) url_file: Option<String>,
    pub(super) url_env: Option<String>,
    pub(super) format: Option<String>,
    pub(super) template: Option<String>,
    pub(super) events: Option<Vec<String>>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) omit: Vec<String>,
    pub(super) hash: Vec<String>,
    pub(super) hash_key_file: Option<String>,
    pub(super) hash_key_env: Option<String>,
    pub(super) allow_private: Vec<String>,
    pub(super) allow_http: bool,
    pub(super) ca_file: Option<String>,
    pub(super) client_cert_file: Option<String>,
    pub(super) client_key_file: Option<String>,
    pub(super) client_key_env: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) proxy_password_file: Option<String>,
    pub(super) proxy_password_env: Option<String>,
    pub(super) headers: BTreeMap<String, Header>,
    pub(super) timeout: Option<String>,
    pub(super) retry_schedule: Option<Vec<String>>,
    pub(super) max_per_second: Option<u32>,
    pub(super) disable_after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Export {
    pub(super) name: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) reports: Option<Vec<String>>,
    pub(super) tenants: Option<Vec<String>>,
    pub(super) format: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) keep: Option<u32>,
    pub(super) readers: Option<String>,
}

/// A header's value if it is not secret, or else where it is kept.
pub(super) enum Header {
    Plain(String),
    Kept(Kept),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Kept {
    pub(super) file: Option<String>,
    pub(super) env: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) format: Option<String>,
    pub(super) level: Option<String>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;

        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or a table with `file` or `env`")
            }

            // Not left to serde, whose error would show the text.
            fn visit_str<E: Error>(self, text: &str) -> Result<Header, E> {
                Ok(Header::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Header, A::Error> {
                Kept::deserialize(MapAccessDeserializer::new(table)).map(Header::Kept)
            }
        }

        deserializer.deserialize_any(TextOrTable)
    }
}

/// Hides the value: somebody may have written a secret into it.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Plain"),
            Self::Kept(kept) => kept.fmt(f),
        }
    }
}

/// A text, or a list of two while a secret is rotated.
#[derive(Debug, Default)]
pub(super) struct OneOrTwo(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrTwo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrTwo;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or a list of two while the secret is rotated")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrTwo, E> {
                Ok(OneOrTwo(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<OneOrTwo, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = texts.next_element()? {
                    list.push(text);
                }
                match list.len() {
                    1 | 2 => Ok(OneOrTwo(list)),
                    n => Err(Error::invalid_length(n, &self)),
                }
            }
        }

        deserializer.deserialize_any(Texts)
    }
}
