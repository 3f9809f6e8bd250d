//! Finds names in the configuration that match nothing: an endpoint would never get an event for
//! them, a rule would find nothing, and nobody would notice.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::deliver::Endpoint;
use crate::model::{Kind, Record, TenantName};
use crate::store::{Known, Store, StoreError};

/// The names by which an endpoint or a rule chooses tenants and roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenNames {
    /// The tenants; `None` for all.
    pub tenants: Option<BTreeSet<String>>,
    /// The roles; `None` for all.
    pub roles: Option<BTreeSet<String>>,
    /// Whether the letter case of roles counts.
    pub case: LetterCase,
}

/// Whether letter case counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterCase {
    /// It does.
    Counts,
    /// It does not.
    Ignored,
}

impl LetterCase {
    /// Returns whether two names are the same.
    pub fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Counts => one == other,
            Self::Ignored => one.to_lowercase() == other.to_lowercase(),
        }
    }
}

impl From<&Endpoint> for ChosenNames {
    fn from(endpoint: &Endpoint) -> Self {
        let selection = endpoint.selection();
        Self {
            tenants: selection.tenants.clone(),
            roles: selection.roles.clone(),
            case: LetterCase::Counts,
        }
    }
}

/// Names of tenants and roles that match nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Words that name no tenant.
    pub tenants: BTreeSet<String>,
    /// Words that may still name a tenant: one that was never reached may have that name or id in
    /// Qlik.
    pub unsure: BTreeSet<String>,
    /// Words that match no role in the tenants that were read. Such a role may be added later.
    pub roles: BTreeSet<String>,
}

impl Unmatched {
    /// Finds the names that match nothing. `linked` are the tenants that are read, `known` those
    /// that the store knows.
    pub(in crate::control) fn of(
        store: &Store,
        chosen: &ChosenNames,
        linked: &[TenantName],
        known: &[Known],
    ) -> Result<Self, StoreError> {
        let mut unmatched = Self::default();
        if let Some(words) = &chosen.tenants {
            let names = linked.iter().map(|name| name.0.as_str());
            let names: BTreeSet<&str> = names.chain(known.iter().flat_map(names_of)).collect();
            let strange = words.iter().filter(|word| !names.contains(word.as_str()));
            let is_reached = |name: &TenantName| known.iter().any(|known| known.name == *name);
            let place = match linked.iter().all(is_reached) {
                true => &mut unmatched.tenants,
                false => &mut unmatched.unsure,
            };
            place.extend(strange.cloned());
        }
        if let Some(words) = &chosen.roles {
            let is_chosen = |known: &Known| {
                let words = chosen.tenants.as_ref();
                words.is_none_or(|words| names_of(known).iter().any(|name| words.contains(*name)))
            };
            let read = known.iter().filter(|known| known.loaded.is_some());
            let read: Vec<_> = read.filter(|known| is_chosen(known)).collect();
            if !read.is_empty() {
                unmatched.roles.clone_from(words);
            }
            for known in read {
                if unmatched.roles.is_empty() {
                    break;
                }
                strike_out(store, known, chosen.case, &mut unmatched.roles)?;
            }
        }
        Ok(unmatched)
    }

    /// Returns the code of the most serious problem, as `docs/errors.md` explains it.
    pub fn code(&self) -> Option<&'static str> {
        if !self.tenants.is_empty() {
            return Some("deliver.unknown-tenant");
        }
        let is_quiet = self.unsure.is_empty() && self.roles.is_empty();
        (!is_quiet).then_some("deliver.unknown-choice")
    }

    /// Describes the problems; returns nothing if every word matches.
    pub fn in_words(&self) -> Option<String> {
        let parts = [
            ("no tenant is called", &self.tenants),
            ("no tenant that was reached so far is called", &self.unsure),
            ("no role that was read so far is called", &self.roles),
        ];
        let parts = parts.into_iter().filter(|(_, words)| !words.is_empty());
        let parts: Vec<_> = parts
            .map(|(what, words)| {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("{what} {}", words.join(" or "))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// All names by which the configuration may refer to a tenant.
pub(in crate::control) fn names_of(known: &Known) -> [&str; 3] {
    [&known.name.0, &known.tenant.name, &known.tenant.id.0]
}

/// Removes the words that match a role of a tenant.
fn strike_out(
    store: &Store,
    known: &Known,
    case: LetterCase,
    words: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    store.walk(known.no, Kind::Role, &mut |record| {
        if let Record::Role(role) = record {
            let id = role.id.to_string();
            words.retain(|word| !case.is_same(word, &role.name) && !case.is_same(word, &id));
        }
        match words.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })
}
