//! Works out from a tenant's records who may do what.
//!
//! Pure: no I/O, no clock, no async. [`Grants`] says which roles a user holds, each by every path,
//! and what of that cannot be seen; [`differences`] compares what a user had with what the user
//! holds. [`Inspection`] looks at roles, groups and users once, in that order, and reports what an
//! auditor would ask about, such as broken rules of [`Separation`] of duties; [`Administration`]
//! says who is an administrator, [`Holding`] who holds a role, [`Absences`] who was not seen for a
//! long time. [`SpaceGrants`] says who can open a space, each by every [`SpacePath`];
//! [`space_differences`] compares that, too. [`Subjects`] finds licences that are assigned to
//! subjects that no user has.

mod absence;
mod grants;
mod content;
mod compare;
mod administration;
mod holding;
mod concern;
mod separation;
mod licence;
mod names;
mod bots;
mod inspection;
mod unseen;
mod space;
mod space_rights;

pub use absence::{Absences, IDLE_ADMIN, IdleLimits, Idleness, LEFT_IDP, covers, has_sessions};
pub use administration::Administration;
pub use compare::{Difference, differences, everybodys_differences};
pub use concern::{Concern, ConcernCode, ConcernSubject, Severity};
pub use content::{carried, granting};
pub use grants::{Grants, RolePaths};
pub use holding::{Holding, PathKinds};
pub use inspection::Inspection;
pub use licence::{SubjectDigest, Subjects, orphan_licence, orphan_licence_id};
pub use separation::{Judged, Separation};
pub use space::{
    PERSONAL, ShareGrant, SpaceGrant, SpaceGrants, SpacePath, UserGrants, administers,
};
pub use space_rights::{
    Concerned, Given, SpacePaths, SpaceRight, concerned, everybodys_space_differences,
    space_differences,
};
pub use unseen::Unseen;

#[cfg(test)]
mod tests;
