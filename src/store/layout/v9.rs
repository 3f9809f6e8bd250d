//! What format 9 added. Its bytes are on disk: nothing here is ever changed.
//!
//! - Posting lists.
//! - Runs that read licences, and what is known of these readings.
//! - What the audit log reports after a change was found.
//! - Notes that all spaces must be read again, and doubts about lists of spaces.
//! - Which lists of a space were never seen whole, and which spaces were removed without a report.
//! - How far rights in spaces were compared.
//! - Tokens with which programs read records.

pub mod api_token;
pub mod late_report;
pub mod licence;
pub mod posting;
pub mod right;
pub mod run;
pub mod space;
pub mod space_doubts;
pub mod spaces_due;
