//! Spaces: read on a schedule of their own, one by one, and again when the audit log names one.
//!
//! A space takes two requests, for who is assigned to it and what is shared from it, and there is
//! no listing of all assignments. So they are not part of a sweep, which would take many times as
//! long. A reading can be interrupted anywhere: each space is committed when it was read, and the
//! next reading goes on with those that were not read since the first one began.
//!
//! What must stay true:
//!
//! - What cannot be seen stays as it was known, and is marked; it is never taken for empty.
//! - A space is removed only if a complete listing does not show it and asking for it by id says
//!   that it is gone; or if the audit log reports its deletion and asking for it says so too.
//! - Removals that the audit log does not report pass the guard, with the limits for groups:
//!   credentials that lose a right see fewer spaces, and each of the others then answers that it is
//!   gone.
//! - The first reading of all spaces writes no journal entries; nothing can be said of spaces
//!   before it ended.

pub(super) mod read_all;
pub(super) mod read_space;
pub(super) mod spaces_run;
