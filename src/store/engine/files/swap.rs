//! Puts a database in the place of another by renames, of which any may be the last.
//!
//! The one before it stays beside it as `replaced` until the new one was opened and looked
//! through. What an opening finds tells how far it came:
//!
//! - `compacting`: a copy that was not finished, or not taken. It goes.
//! - `replaced` and no `current`: it was stopped between the two renames. The old one goes
//!   back to its place.
//! - `replaced` beside `current`: the new one was never opened. Opened well, the old one goes;
//!   if it is damaged, it is the old one that comes back.
//! - `discarded`: a removal that was not finished. It goes on.
//! - `checking`: a copy that was being checked. It goes.
//! - `untouched`: an opening that may have lost something did not end. It takes its place again
//!   (`salvage/untouched.rs`).
//! - `salvaged`: what was read out of a damaged store. It takes the place of that (`salvage/`).

use std::fs;
use std::io;

use super::{Folder, sync_folder};

/// Whether an attempt to compact the store was found that did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    None,
    BrokenOff,
}

impl Folder {
    /// Clears up what a process left that was stopped at it.
    pub fn clear_up(&self) -> io::Result<Attempt> {
        self.go_back_to_untouched()?;
        self.take_salvaged()?;
        let mut attempt = Attempt::None;
        if self.replaced().exists() && !self.current().exists() {
            fs::rename(self.replaced(), self.current())?;
            sync_folder(self.path())?;
            attempt = Attempt::BrokenOff;
        }
        if self.compacting().exists() {
            fs::remove_dir_all(self.compacting())?;
            attempt = Attempt::BrokenOff;
        }
        if self.discarded().exists() {
            fs::remove_dir_all(self.discarded())?;
        }
        // Nothing depends on it.
        if self.checking().exists()
            && let Err(refused) = fs::remove_dir_all(self.checking())
        {
            tracing::warn!(
                error = %refused,
                "`{}`, a copy that was checked, could not be removed; remove it by hand",
                self.checking().display()
            );
        }
        Ok(attempt)
    }

    /// Puts the copy in the place of the database. Nobody may have either open. After an error
    /// there may be no database in its place until [`clear_up`](Self::clear_up) was called.
    pub fn swap(&self) -> io::Result<()> {
        fs::rename(self.current(), self.replaced())?;
        sync_folder(self.path())?;
        fs::rename(self.compacting(), self.current())?;
        sync_folder(self.path())
    }

    /// Takes back the database that a copy has replaced.
    pub fn swap_back(&self) -> io::Result<()> {
        self.retire(&self.current())?;
        fs::rename(self.replaced(), self.current())?;
        sync_folder(self.path())
    }

    /// Gives the database up that a copy has replaced, which was opened: from here on nothing goes
    /// back to it. Its files stay until [`remove_retired`](Self::remove_retired).
    pub fn retire_replaced(&self) -> io::Result<()> {
        match self.replaced().exists() {
            true => self.retire(&self.replaced()),
            false => Ok(()),
        }
    }

    /// Under its new name it is nobody's any more, however much of it is gone.
    fn retire(&self, folder: &std::path::Path) -> io::Result<()> {
        if self.discarded().exists() {
            fs::remove_dir_all(self.discarded())?;
        }
        fs::rename(folder, self.discarded())?;
        sync_folder(self.path())
    }

    /// Removes a database that was given up. That of gigabytes takes seconds.
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
