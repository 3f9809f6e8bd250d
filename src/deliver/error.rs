//! Why delivery to an endpoint cannot go on at all.

use crate::http_client::BuildError;
use crate::store::StoreError;

/// Why delivery to an endpoint cannot go on at all. A receiver's failures are not among
/// these.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// No client could be built.
    #[error("preparing to deliver")]
    Client(#[source] BuildError),
    /// The store failed.
    #[error("keeping track of deliveries")]
    Store(#[source] StoreError),
}

impl DeliverError {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(source) => source.code(),
            Self::Store(source) => source.code(),
        }
    }

    /// Returns whether the process has to end.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Client(_) => false,
            Self::Store(source) => source.is_fatal(),
        }
    }
}
