//! Turns sled's errors into ours.

use std::io;
use std::sync::Arc;

use crate::store::error::StoreError;

impl StoreError {
    pub(in crate::store) fn sled(doing: &'static str, source: sled::Error) -> Self {
        match source {
            // Both mean that the files are not as they were written.
            sled::Error::Corruption { .. } | sled::Error::CollectionNotFound(_) => Self::damaged(
                format!("{doing}: the database met bytes that it did not write"),
            ),
            // A read past the end of a file that was cut.
            sled::Error::Io(cut) if cut.kind() == io::ErrorKind::UnexpectedEof => {
                Self::damaged(format!("{doing}: the database's file is cut short"))
            }
            sled::Error::Io(refused) => Self::io(doing, refused),
            sled::Error::Unsupported(_) | sled::Error::ReportableBug(_) => Self::Failed {
                doing,
                source: Arc::new(source),
            },
        }
    }
}
