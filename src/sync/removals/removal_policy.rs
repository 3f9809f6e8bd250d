//! What an operator has said about removals of a tenant.

use crate::reconcile::Guard;

/// What an operator has said about removals of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalPolicy {
    /// How much may go in one run without being looked at.
    pub guard: Guard,
    /// From how many complete sweeps in a row a record must be absent that may not be asked
    /// for by id.
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
