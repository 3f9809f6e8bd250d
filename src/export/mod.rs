//! Writes reports into folders on a schedule, for programs that load tables.
//!
//! What must stay true: an export is in its folder as a whole or not at all, whenever the process
//! is killed. Its files are written into a hidden folder beside it, the manifest last; all are
//! synced, and then the folder gets its name by one rename. Nothing is deleted but what an export
//! of this name has written. One process at a time writes an export. An export that would lack a
//! tenant is not written, since programs take what is missing from a table for something that is
//! gone.

mod attempt;
mod error;
mod file;
mod folder;
mod options;
mod stamp;
mod worker;

pub use crate::control::ReportName;
pub use crate::view::ReportFormat;
pub use attempt::{probe, write};
pub use error::ExportError;
pub use options::{Export, Readers};
pub use worker::Worker;

#[cfg(test)]
mod tests;
