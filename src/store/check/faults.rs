//! The faults that were found: the first ones in detail, the rest only counted.

use std::collections::BTreeSet;

use crate::model::Fault;
use crate::store::error::StoreError;
use crate::store::layout::keys;

/// Faults that are kept in detail: one damaged page may cause hundreds.
const MAX_FAULTS: usize = 1_000;

/// The faults that were found.
#[derive(Debug, Default)]
pub struct Faults {
    named: Vec<Fault>,
    more: u64,
}

impl Faults {
    pub fn add(&mut self, place: String, what: String) {
        if self.named.len() == MAX_FAULTS {
            self.more += 1;
            return;
        }
        self.named.push(Fault { place, what });
    }

    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        self.named.len() as u64 + self.more
    }

    /// Returns those that are kept in detail.
    pub fn all(&self) -> &[Fault] {
        &self.named
    }

    /// Returns a fault that is not among the others, or `None` if all of them are.
    pub fn not_among(&self, others: &Self) -> Option<&Fault> {
        let others: BTreeSet<&Fault> = others.named.iter().collect();
        self.named.iter().find(|fault| !others.contains(fault))
    }

    /// Adds other faults in front of these.
    pub fn prepend(&mut self, others: Self) {
        let own = std::mem::replace(self, others);
        self.more += own.more;
        for Fault { place, what } in own.named {
            self.add(place, what);
        }
    }

    /// Returns those that are kept in detail, and how many more there are.
    pub fn into_parts(self) -> (Vec<Fault>, u64) {
        (self.named, self.more)
    }
}

/// Says why something could not be read, without what the store would do about it.
pub fn in_words(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what } => keys::undescribed(what).to_owned(),
        StoreError::Failed { doing, source } => format!("{doing}: {source}"),
        StoreError::Closed | StoreError::TooLarge { .. } | StoreError::NoSuchPlan { .. } => {
            error.to_string()
        }
    }
}
