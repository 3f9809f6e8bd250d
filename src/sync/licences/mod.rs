//! Licences: to whom the licence of a tenant is assigned, read on a schedule of its own.
//!
//! The listing is of the whole licence, which may be that of several tenants, so it may be longer
//! than that of users. Each page is committed with the place where the next one begins; a reading
//! that was interrupted goes on there, or begins again if the source does not go on from there.
//!
//! What must stay true:
//!
//! - What cannot be seen is not known; it is never taken for unassigned. Only a listing that was
//!   read to its end removes what it did not show, and more than the guard allows is kept.
//! - Nothing of this is told to endpoints, and it has no runs: the reading says itself how far it
//!   is and what it could not see.

mod read_licences;
