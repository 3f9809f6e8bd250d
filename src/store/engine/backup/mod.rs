//! A backup of a store in one file: written while the store is in use, and read into an empty
//! folder.
//!
//! The file begins with a line that says what it is. Then come the rows: a later one about the same
//! key counts, and one without a value removes it. It ends with the number of rows and a digest of
//! everything before it, so a file that was cut off or changed is noticed before anything is made
//! of it. Each value has the checksum that it has in the store.

mod file;
mod restore;
mod write;

pub use restore::{RestoreError, Restored, restore, take, verify};
pub use write::{BackedUp, BackupError, write};
