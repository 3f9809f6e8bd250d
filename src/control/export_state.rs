//! The state of an export, and the result of an attempt to write it.

use serde::{Deserialize, Serialize};

use crate::model::{ExportName, Timestamp};

/// Why an export was not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFailure {
    /// The code that `docs/errors.md` explains.
    pub code: String,
    /// What went wrong, with its causes.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// When it was tried.
    pub at: Timestamp,
}

/// The state of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRow {
    /// The export.
    pub name: ExportName,
    /// The folder that it is written to.
    pub folder: String,
    /// The time that the newest export in the folder describes; `None` if there is none, or if
    /// nobody has looked yet.
    pub written: Option<Timestamp>,
    /// Why the last attempt failed; `None` if it succeeded.
    pub failure: Option<ExportFailure>,
    /// When it is written next; `None` if it is being written, or if no daemon runs.
    pub next: Option<Timestamp>,
}

/// An export that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The folder with its files.
    pub path: String,
    /// The time that it describes.
    pub as_of: Timestamp,
    /// How many rows all its reports have.
    pub rows: u64,
    /// Whether everything that is ever read is known.
    pub is_complete: bool,
}
