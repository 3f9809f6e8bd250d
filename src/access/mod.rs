//! Works out from a tenant's records who may do what.
//!
//! Pure: no I/O, no clock, no async. [`Inspection`] looks at roles, groups and users once, in
//! that order, and says what an auditor would ask about; [`Administration`] says who administers,
//! [`Holding`] who holds a role.

mod administration;
mod holding;
mod inspection;

pub use administration::Administration;
pub use holding::{Holding, Way};
pub use inspection::{Concern, ConcernCode, Inspection, Severity};

#[cfg(test)]
mod tests;
