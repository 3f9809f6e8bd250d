//! Tenants that were discovered rather than configured, and why a tenant is paused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::TenantName;

/// What the operator calls a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionName(pub String);

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A tenant that an organization's console listed. It is stored, so that a restart does not need
/// the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id at the console, which may differ from the id that the tenant itself reports.
    pub id: String,
    /// Our name for it, chosen when it was first seen and never changed.
    pub name: TenantName,
    /// Where it is reached: the original host name first, then its aliases.
    pub hosts: Vec<String>,
    /// Its region, as the console spells it.
    pub region: Option<String>,
    /// Why it is not read; `None` if it is.
    pub pause: Option<Pause>,
}

/// Why a tenant is not read. What is known of it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// The console gives it a status other than active.
    Status(String),
    /// The console no longer lists it.
    Gone,
    /// The connection's rules exclude it.
    LeftOut,
    /// It is already read, under another of its host names.
    SameAs(TenantName),
    /// Nothing in the configuration leads to it now.
    NotConfigured,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the console says that it is {status}"),
            Self::Gone => f.write_str("the console no longer lists it"),
            Self::LeftOut => f.write_str("the connection's rules leave it out"),
            Self::SameAs(other) => write!(f, "it is `{other}`, under another of its host names"),
            Self::NotConfigured => f.write_str("it is no longer in the configuration"),
        }
    }
}
