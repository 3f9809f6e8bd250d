//! Validates what is read besides users, roles and groups, and how often.

use std::time::Duration;

use super::problem::Problems;
use super::{Fault, raw};
use crate::sync::{APART, Readings};

/// The defaults for tenants without a setting of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApartDraft {
    has_spaces: bool,
    has_licences: bool,
    every: Duration,
}

impl ApartDraft {
    /// Validates the settings in `[access]`.
    pub(super) fn new(access: &raw::Access, problems: &mut Problems) -> Self {
        let every = access.interval.as_deref().map_or(APART, |text| {
            Readings::parse_interval(text).unwrap_or_else(|| {
                let text = text.to_owned();
                problems.add("access.interval", Fault::BadDuration { text });
                APART
            })
        });
        Self {
            has_spaces: access.spaces.unwrap_or(false),
            has_licences: access.licences.unwrap_or(false),
            every,
        }
    }

    /// Returns how the spaces of a tenant are read. `tenant` is `None` for a tenant without
    /// settings of its own.
    pub(super) fn spaces_of(self, tenant: Option<&raw::Tenant>) -> Readings {
        let own = tenant.and_then(|tenant| tenant.spaces);
        match own.unwrap_or(self.has_spaces) {
            true => Readings::Every(self.every),
            false => Readings::Off,
        }
    }

    /// Returns how the licence of a tenant is read. `tenant` is `None` for a tenant without
    /// settings of its own.
    pub(super) fn licences_of(self, tenant: Option<&raw::Tenant>) -> Readings {
        let own = tenant.and_then(|tenant| tenant.licences);
        match own.unwrap_or(self.has_licences) {
            true => Readings::Every(self.every),
            false => Readings::Off,
        }
    }
}
