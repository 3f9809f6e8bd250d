//! What format 9 added: posting lists, runs that read licences and what is known of these readings,
//! what the audit log reports after a change was found, that all spaces are due, and doubts about
//! lists of spaces. Their bytes are on disk: nothing here is ever changed.

pub mod late_report;
pub mod licence;
pub mod posting;
pub mod run;
pub mod space_doubts;
pub mod spaces_due;
