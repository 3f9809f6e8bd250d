//! The store as its callers see it: laws over random histories, and what each part promises.

mod check;
mod golden;
mod laws;
mod news;
mod parts;
mod plans;
mod recovery;
mod salvage;
pub(in crate::store) mod support;
mod untouched;
mod upkeep;
