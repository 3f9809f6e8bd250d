//! Works out from a tenant's records who may do what.
//!
//! Pure: no I/O, no clock, no async. [`Grants`] says which roles a user holds, each by every
//! [`Path`], and what of that cannot be seen. [`Barrier`] says whether the user can use them.
//! [`Inspection`] looks at roles, groups and users once, in that order, and says what an auditor
//! would ask about, as each [`Separation`] of duties; [`Administration`] says who administers,
//! [`Holding`] who holds a role.

mod path;
mod grants;
mod content;
mod barrier;
mod administration;
mod holding;
mod concern;
mod separation;
mod names;
mod bots;
mod inspection;

pub use administration::Administration;
pub use barrier::Barrier;
pub use concern::{Concern, ConcernCode, ConcernSubject, Severity};
pub use content::{carried, granting};
pub use grants::Grants;
pub use holding::{Holding, Way};
pub use inspection::Inspection;
pub use path::{Path, Unseen};
pub use separation::{Judged, Separation};

#[cfg(test)]
mod tests;
