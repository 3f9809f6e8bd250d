//! Why a folder did not open.

use std::io;
use std::path::Path;

use crate::store::engine::files::Folder;
use crate::store::error::{OpenError, StoreError};

/// Why a folder did not open.
pub enum Refusal {
    Error(OpenError),
    Damaged(String),
}

impl Refusal {
    /// Turns it into an error, for callers that do not move a damaged store aside.
    pub fn into_error(self, folder: &Folder) -> OpenError {
        match self {
            Self::Error(error) => error,
            Self::Damaged(what) => OpenError::Failed {
                path: folder.path().to_owned(),
                source: StoreError::Damaged { what },
            },
        }
    }
}

/// Adds to an I/O error what was tried with which file or folder.
pub fn io_at(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io {
        doing,
        path: path.clone(),
        source,
    }
}
