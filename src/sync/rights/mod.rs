//! Reports how each run changed who holds what, in entries that follow those of the run.
//!
//! Nothing here runs inside a commit. A mark in the store says up to which entry of the journal a
//! tenant's rights were compared. After each run, the entries after the mark are read, run by run;
//! what users had before a run is compared with what they have after it, and the difference
//! becomes entries of its own. So only the net result of a run counts: moving a role from one group
//! to another revokes nothing, and what an operator has not approved is not in the journal and
//! revokes nothing either.
//!
//! What must stay true: a run's entries are written together with the mark that counts them. A
//! process that is stopped in between makes the same comparison again, which gives the same entries
//! in the same order, and skips those that the mark counts. Users whose roles changed in the same
//! way share one entry; if they are many, they are listed beside it. Memory has a bound: it grows
//! with the roles and groups, with the users whose roles or groups a run changed (some 60 bytes
//! each), and with a bounded number of users that wait to be written. A run that changed nobody's
//! roles or groups, and no space, costs no more than reading its entries.
//!
//! Rights in spaces are compared in the same way once all spaces were read. Spaces are compared a
//! bounded number at a time. A user's rights differ if a space does, or the user's groups; members
//! of a group that is newly assigned are found by reading all users, as for roles.

mod changes;
mod in_spaces;
mod range;
mod rights_writer;
mod times;
mod report;

pub(in crate::sync) use report::{InSpaces, Looked, report};

#[cfg(test)]
mod tests;
