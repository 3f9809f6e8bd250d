//! Reads to whom the licence of a tenant is assigned, on a schedule of its own.
//!
//! The listing covers the whole licence. Several tenants may share it, so the listing may be longer
//! than that of users. Each page is committed with the cursor of the next one. An interrupted
//! reading continues there, or starts again if the source does not accept the cursor.
//!
//! What must stay true:
//!
//! - What is not visible counts as unknown, never as unassigned. Only a listing that was read to
//!   its end removes what it did not show, and only as much as the guard allows.
//! - There are no events and no runs for licences: `LicenceReading` says how far the reading is and
//!   what it could not see.

mod read_licences;
