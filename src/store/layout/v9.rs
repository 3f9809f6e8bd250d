//! What format 9 added: posting lists, runs that read licences and what is known of these readings,
//! what the audit log reports after a change was found, that all spaces are due, and doubts about
//! lists of spaces; which lists of a space were never seen whole, and which spaces were removed
//! without a report; how far rights in spaces were compared; and tokens by which programs read what
//! is known. Their bytes are on disk: nothing here is ever changed.

pub mod api_token;
pub mod late_report;
pub mod licence;
pub mod posting;
pub mod right;
pub mod run;
pub mod space;
pub mod space_doubts;
pub mod spaces_due;
