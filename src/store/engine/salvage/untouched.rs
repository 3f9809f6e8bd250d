//! Keeps the files of a database whose log has a gap as they were before sled opened them.
//!
//! sled ends such a log at the gap: it fills what comes after it with zeros, and removes large
//! values that are newer. The database that sled opens then is checked as a whole; if anything is
//! missing, the store is salvaged from these files. The copy gets its name `untouched` once it is
//! complete; until it is removed, it counts as the store: if the process is interrupted, the next
//! opening goes back to it.

use std::fs;
use std::io;

use crate::store::engine::files::{self, Folder};
use crate::store::engine::log::Log;

/// Bytes that must remain free besides the copy.
const SPARE: u64 = 16 * 1024 * 1024;

/// The state of a database's log before sled opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It can be read to its end, or there is none.
    Whole,
    /// It has a gap.
    Gap,
}

impl Folder {
    /// Copies the files of the database, if its log has a gap.
    pub fn keep_untouched(&self) -> io::Result<Before> {
        if !self.db().exists() || !Log::open(&self.current())?.has_a_gap()? {
            return Ok(Before::Whole);
        }
        let needed = self.bytes_of(&self.current())?.saturating_add(SPARE);
        if self.bytes_free().is_some_and(|free| free < needed) {
            tracing::warn!(
                needed,
                "The log of the store has a gap, and there is not enough disk space to copy it \
                 before it is opened; what was written after the gap may be lost when it is opened"
            );
            return Ok(Before::Gap);
        }
        tracing::warn!(
            "The log of the store has a gap; its files are copied before they are opened"
        );
        let copy = self.checking();
        remove(&copy)?;
        files::copy_database(&self.current(), &copy)?;
        files::settle(&copy)?;
        remove(&self.untouched())?;
        fs::rename(copy, self.untouched())?;
        files::sync_folder(self.path())?;
        Ok(Before::Gap)
    }

    /// Goes back to the files as they were before the opening, if they were kept.
    pub fn restore_untouched(&self) -> io::Result<()> {
        if !self.untouched().exists() {
            return Ok(());
        }
        if self.current().exists() {
            remove(&self.discarded())?;
            fs::rename(self.current(), self.discarded())?;
            files::sync_folder(self.path())?;
        }
        fs::rename(self.untouched(), self.current())?;
        files::sync_folder(self.path())?;
        remove(&self.discarded())
    }

    /// Removes the kept files after an opening that lost nothing.
    pub fn remove_untouched(&self) -> io::Result<()> {
        if !self.untouched().exists() {
            return Ok(());
        }
        // Nobody uses the files under their new name, even if only some of them are deleted.
        remove(&self.checking())?;
        fs::rename(self.untouched(), self.checking())?;
        files::sync_folder(self.path())?;
        remove(&self.checking())
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
