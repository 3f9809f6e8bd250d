//! What format 9 added: posting lists, what the audit log reports after a change was found, and
//! that all spaces are due. Their bytes are on disk: nothing here is ever changed.

pub mod late_report;
pub mod posting;
pub mod spaces_due;
