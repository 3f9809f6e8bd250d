//! Finds names in rules of separation of duties that match nothing: such a rule finds nothing, and
//! nobody would notice.

use serde::{Deserialize, Serialize};

use crate::access::Separation;
use crate::store::StoreError;

use super::deliveries::{ChosenNames, LetterCase, Unmatched};
use super::reading::Reading;

/// A rule of separation of duties, with those of its names that match nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeparationRow {
    /// The operator's name for it.
    pub rule: String,
    /// The names that match nothing.
    pub unmatched: Unmatched,
}

impl SeparationRow {
    /// Returns the code of the most serious problem, as `docs/errors.md` explains it.
    pub fn code(&self) -> Option<&'static str> {
        let Unmatched {
            tenants,
            unsure,
            roles,
        } = &self.unmatched;
        if !tenants.is_empty() {
            return Some("access.unknown-tenant");
        }
        let is_quiet = unsure.is_empty() && roles.is_empty();
        (!is_quiet).then_some("access.unknown-choice")
    }
}

impl From<&Separation> for ChosenNames {
    fn from(rule: &Separation) -> Self {
        Self {
            tenants: rule.tenants.clone(),
            roles: Some(rule.roles()),
            case: LetterCase::Ignored,
        }
    }
}

/// Reports the rules that have names that match nothing.
pub(super) fn rows(reading: &Reading<'_>) -> Result<Vec<SeparationRow>, StoreError> {
    let mut rows = Vec::new();
    for rule in reading.context.separations.iter() {
        let (linked, known) = (&reading.configured, &reading.tenants);
        let unmatched = Unmatched::of(reading.store, &rule.into(), linked, known)?;
        if unmatched != Unmatched::default() {
            rows.push(SeparationRow {
                rule: rule.name.clone(),
                unmatched,
            });
        }
    }
    Ok(rows)
}
