//! What an endpoint chooses by and nothing is called: it would never be told, and nobody would
//! notice.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::deliver::Endpoint;
use crate::model::{Kind, Record, TenantName};
use crate::store::{Known, Store, StoreError};

/// Words of an endpoint's `tenants` and `roles` that fit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmatched {
    /// Words that name no tenant.
    pub tenants: BTreeSet<String>,
    /// Words that name no tenant as far as is known: one that was never reached may have such a
    /// name or id in Qlik.
    pub unsure: BTreeSet<String>,
    /// Words that no role is called in the tenants that were read. It may come yet.
    pub roles: BTreeSet<String>,
}

impl Unmatched {
    /// Finds the words of an endpoint that fit nothing there is. `linked` are the tenants that
    /// are read, `known` those that the store knows.
    pub(in crate::control) fn of(
        store: &Store,
        endpoint: &Endpoint,
        linked: &[TenantName],
        known: &[Known],
    ) -> Result<Self, StoreError> {
        let selection = endpoint.selection();
        let mut unmatched = Self::default();
        if let Some(words) = &selection.tenants {
            let names = linked.iter().map(|name| name.0.as_str());
            let names: BTreeSet<&str> = names.chain(known.iter().flat_map(called)).collect();
            let strange = words.iter().filter(|word| !names.contains(word.as_str()));
            let is_reached = |name: &TenantName| known.iter().any(|known| known.name == *name);
            let place = match linked.iter().all(is_reached) {
                true => &mut unmatched.tenants,
                false => &mut unmatched.unsure,
            };
            place.extend(strange.cloned());
        }
        if let Some(words) = &selection.roles {
            let is_chosen = |known: &Known| {
                let words = selection.tenants.as_ref();
                words.is_none_or(|words| called(known).iter().any(|name| words.contains(*name)))
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
                strike_out(store, known, &mut unmatched.roles)?;
            }
        }
        Ok(unmatched)
    }

    /// Returns the code of the gravest that is wrong, as `docs/errors.md` explains it.
    pub fn code(&self) -> Option<&'static str> {
        if !self.tenants.is_empty() {
            return Some("deliver.unknown-tenant");
        }
        let is_quiet = self.unsure.is_empty() && self.roles.is_empty();
        (!is_quiet).then_some("deliver.unknown-choice")
    }

    /// Says it; none where everything fits.
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

/// All that an endpoint may call a tenant.
fn called(known: &Known) -> [&str; 3] {
    [&known.name.0, &known.tenant.name, &known.tenant.id.0]
}

/// Takes the words out that a role of a tenant is called.
fn strike_out(
    store: &Store,
    known: &Known,
    words: &mut BTreeSet<String>,
) -> Result<(), StoreError> {
    store.walk(known.no, Kind::Role, &mut |record| {
        if let Record::Role(role) = record {
            words.remove(&role.name);
            words.remove(&role.id.to_string());
        }
        ControlFlow::Continue(())
    })
}
