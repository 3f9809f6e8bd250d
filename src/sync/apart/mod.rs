//! Reads what is not part of a sweep, such as spaces and licences, each on a schedule of its own,
//! and what is read only when somebody asks.
//!
//! What must stay true: an interrupted reading continues where it was, and no reading here delays a
//! sweep.

mod apps;
pub(super) mod begin;
pub(super) mod due;
pub(super) mod reader;
pub(super) mod readings;
