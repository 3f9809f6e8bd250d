//! Reads to whom the licence of a tenant is assigned, on a schedule of its own.
//!
//! The listing covers the whole licence. Several tenants may share it, so the listing may be longer
//! than that of users. Each page is committed with the cursor of the next one. An interrupted
//! reading continues there, or starts again if the source does not accept the cursor.
//!
//! What must stay true:
//!
//! - What is not visible counts as unknown, never as unassigned. Only a listing that was read to
//!   its end removes what it did not show: as much as the guard allows, or what an earlier one did
//!   not show either.
//! - There are no events for licences. Each reading is a run of its own.

mod licence_run;
mod read_licences;
