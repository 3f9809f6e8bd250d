//! The store as its callers see it: laws over random histories, and what each part promises.

mod api_tokens;
mod check;
mod golden;
mod laws;
mod late_reports;
mod lists;
mod seen_events;
mod licences;
mod parts;
mod plans;
mod postings;
mod recovery;
mod salvage;
mod sessions;
mod spaces;
pub(in crate::store) mod support;
mod untouched;
mod maintenance;
