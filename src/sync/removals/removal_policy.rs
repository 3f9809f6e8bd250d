//! An operator's rules for removals from a tenant.

use crate::reconcile::Guard;

/// An operator's rules for removals from a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalPolicy {
    /// How much one run may remove without an operator's approval.
    pub guard: Guard,
    /// In how many complete sweeps in a row a record must be absent if it may not be asked for by
    /// id.
    pub absent_sweeps: u32,
}

impl Default for RemovalPolicy {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            absent_sweeps: 2,
        }
    }
}
