//! The names that tenants have had in the source.
//!
//! An endpoint may name a tenant by a name that it had when an event was found, so programs that
//! pull events may, too. Only entries of the journal say former names. They are read once, when
//! somebody asks for a tenant that nobody is called now.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::{Seq, TenantId};
use crate::store::{Store, StoreError};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// The most names that are kept. Tenants are renamed a few times in years.
const MAX_NAMES: usize = 10_000;

/// The names that entries of the journal give tenants, as far as they were read.
#[derive(Debug, Clone, Default)]
pub(super) struct AccountNames(Arc<Mutex<Names>>);

#[derive(Debug, Default)]
struct Names {
    up_to: Seq,
    names: BTreeSet<(TenantId, String)>,
}

impl AccountNames {
    /// Returns whether a tenant was ever called this, of those that may be known; `None` for all.
    pub(super) fn has(
        &self,
        store: &Store,
        covered: Option<&BTreeSet<TenantId>>,
        called: &str,
    ) -> Result<bool, StoreError> {
        // Questions that read them at the same time take turns, page by page.
        while lock(&self.0).read_page(store)? == Entries::Read {}
        let names = lock(&self.0);
        let mut all = names.names.iter();
        Ok(all.any(|(tenant, name)| {
            name == called && covered.is_none_or(|covered| covered.contains(tenant))
        }))
    }
}

/// Whether there were entries to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entries {
    Read,
    None,
}

impl Names {
    /// Reads a page of the entries that were written since the last call.
    fn read_page(&mut self, store: &Store) -> Result<Entries, StoreError> {
        let entries = store.skim(self.up_to, AT_ONCE)?;
        let Some(last) = entries.last() else {
            return Ok(Entries::None);
        };
        self.up_to = last.seq();
        for entry in &entries {
            let Some(origin) = entry.origin() else {
                continue;
            };
            let account = &origin.account;
            let is_known = self
                .names
                .iter()
                .any(|(tenant, name)| *tenant == account.tenant && *name == account.name);
            if !is_known && self.names.len() < MAX_NAMES {
                let name = (account.tenant.clone(), account.name.clone());
                self.names.insert(name);
            }
        }
        Ok(Entries::Read)
    }
}
