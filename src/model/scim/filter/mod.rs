//! The filter language of SCIM (RFC 7644, 3.4.2.2).
//!
//! The parser is our own. It reports where a filter is wrong, bounds length, depth and number of
//! conditions, and accepts what clients really send: `True` for `true`, and
//! `emails[type eq "work"].value eq "x"`, which the published grammar does not have.

mod check;
mod matching;
mod named;
mod parse;
mod tree;

#[cfg(test)]
mod tests;

pub use matching::{ScimCondition, ScimMatcher};
pub use named::Compared;
pub use tree::{AttributePath, MAX_CONDITIONS, MAX_DEPTH, MAX_FILTER, ScimFilter, ScimFilterError};
