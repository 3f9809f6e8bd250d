//! Puts a database in the place of another by renames, and can be interrupted after any of them.
//!
//! The former database stays beside it as `replaced` until the new one was opened and checked. What
//! an opening finds tells how far the swap had got:
//!
//! - `compacting`: a copy that was not finished, or not used. It is deleted.
//! - `replaced` and no `current`: interrupted between the two renames. The old one is moved back.
//! - `replaced` beside `current`: the new one was never opened. If it opens well, the old one is
//!   deleted; if it is damaged, the old one comes back.
//! - `discarded`: an unfinished removal. It continues.
//! - `checking`: a copy that was being checked. It is deleted.
//! - `untouched`: an opening that may have lost something was interrupted. It becomes the database
//!   again (`salvage/untouched.rs`).
//! - `salvaged`: what was read out of a damaged store. It replaces that store (`salvage/`).

use std::fs;
use std::io;

use super::{Folder, sync_folder};

/// What an interrupted process had begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    None,
    Compaction,
}

impl Folder {
    /// Clears up after a process that was interrupted.
    pub fn clear_up(&self) -> io::Result<Leftover> {
        self.restore_untouched()?;
        self.take_salvaged()?;
        let mut leftover = Leftover::None;
        if self.replaced().exists() && !self.current().exists() {
            fs::rename(self.replaced(), self.current())?;
            sync_folder(self.path())?;
            leftover = Leftover::Compaction;
        }
        if self.compacting().exists() {
            fs::remove_dir_all(self.compacting())?;
            leftover = Leftover::Compaction;
        }
        if self.discarded().exists() {
            fs::remove_dir_all(self.discarded())?;
        }
        // Nothing depends on this folder, so a failure to remove it is only logged.
        if self.checking().exists()
            && let Err(refused) = fs::remove_dir_all(self.checking())
        {
            tracing::warn!(
                error = %refused,
                "`{}`, a copy that was checked, could not be removed; remove it by hand",
                self.checking().display()
            );
        }
        Ok(leftover)
    }

    /// Puts the copy in the place of the database. Nobody may have either open. After an error
    /// there may be no database until [`clear_up`](Self::clear_up) is called.
    pub fn swap(&self) -> io::Result<()> {
        fs::rename(self.current(), self.replaced())?;
        sync_folder(self.path())?;
        fs::rename(self.compacting(), self.current())?;
        sync_folder(self.path())
    }

    /// Moves back the database that a copy has replaced.
    pub fn swap_back(&self) -> io::Result<()> {
        self.retire(&self.current())?;
        fs::rename(self.replaced(), self.current())?;
        sync_folder(self.path())
    }

    /// Gives up the database that a copy has replaced, once the copy is opened: from here on there
    /// is no way back to it. Its files stay until [`remove_retired`](Self::remove_retired).
    pub fn retire_replaced(&self) -> io::Result<()> {
        match self.replaced().exists() {
            true => self.retire(&self.replaced()),
            false => Ok(()),
        }
    }

    /// Renames a folder to `discarded`: nobody uses it under this name, even if only part of it is
    /// deleted.
    fn retire(&self, folder: &std::path::Path) -> io::Result<()> {
        if self.discarded().exists() {
            fs::remove_dir_all(self.discarded())?;
        }
        fs::rename(folder, self.discarded())?;
        sync_folder(self.path())
    }

    /// Removes a database that was given up. A database of gigabytes takes seconds.
    pub fn remove_retired(&self) {
        if let Err(refused) = fs::remove_dir_all(self.discarded())
            && refused.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(
                error = %refused,
                "`{}` could not be removed; the next start tries again",
                self.discarded().display()
            );
        }
    }
}
