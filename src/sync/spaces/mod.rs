//! Reads spaces, a few at a time, on a schedule of their own, and reads a space again when the
//! audit log names it.
//!
//! Each space takes two requests, one for its assignments and one for its shares, since Qlik has no
//! listing of all assignments. As a part of the sweep they would make it many times as long. A
//! reading can be interrupted anywhere: each space is committed when it was read, and the reading
//! later continues with the other spaces.
//!
//! What must stay true:
//!
//! - What is not visible stays as it was known, and is marked; it never counts as empty.
//! - If an answer would take rights away, we ask a second time. If it would take away more than the
//!   guard allows, another complete reading must confirm it.
//! - A space that cannot be read does not keep the others from being read.
//! - A space is removed only if a complete listing does not show it and asking for it by id says
//!   that it is gone; or if the audit log reports its deletion and asking for it says so too.
//! - Removals that the audit log does not report pass the guard, with the limits for groups:
//!   credentials that lose a right see fewer spaces, and each of the others then answers that it is
//!   gone.
//! - The first reading of all spaces writes no journal entries; until it has ended, nothing is
//!   known about spaces.

mod failures;
mod long_lists;
mod lost_members;
pub(super) mod read_all;
mod read_listed;
pub(super) mod read_space;
pub(super) mod spaces_run;
