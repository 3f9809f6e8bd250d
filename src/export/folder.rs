//! The folder of an export: what is in it, how an export gets into it as a whole, and how old ones
//! are deleted.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;
use tracing::warn;

use super::error::ExportError;
use super::file::Draft;
use super::options::Readers;
use super::stamp::{self, MANIFEST, Named};
use crate::model::{ExportName, Timestamp};

/// The most bytes of a manifest that is read to see whose it is.
const MAX_MANIFEST: u64 = 16 * 1024 * 1024;

/// Opens no symbolic link.
const NOT_A_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// The folder of an export.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    path: &'a Path,
    name: &'a ExportName,
}

/// The folder, which no other process writes this export to meanwhile.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    folder: Folder<'a>,
    /// The system unlocks it when it is closed, also if the process is killed.
    _lock: File,
}

/// An export that is being written. It is deleted unless it is kept.
#[derive(Debug)]
pub(super) struct Partial<'a> {
    folder: &'a Folder<'a>,
    path: PathBuf,
    readers: Readers,
    is_kept: bool,
}

/// What a manifest says of whose it is.
#[derive(Debug, Deserialize)]
struct Owner {
    export: ExportName,
}

impl<'a> Folder<'a> {
    /// Finds the folder. It is never made: what is mounted there may be missing.
    pub(super) fn open(path: &'a Path, name: &'a ExportName) -> Result<Self, ExportError> {
        let folder = path.to_owned();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Ok(Self { path, name }),
            Ok(_other) => Err(ExportError::NotAFolder { folder }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ExportError::NoFolder { folder })
            }
            Err(error) => Err(ExportError::writing(path, error)),
        }
    }

    /// Returns the times of the exports in it, the earliest first, also of those to which others
    /// have added files.
    pub(super) fn times(&self) -> Result<Vec<Timestamp>, ExportError> {
        self.times_of(|path| self.is_own(path))
    }

    fn times_of(&self, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<Timestamp>, ExportError> {
        let mut times = Vec::new();
        for (found, named) in self.entries()? {
            match named {
                Named::Whole(at) if is_wanted(&self.path.join(&found)) => times.push(at),
                Named::Whole(_) | Named::Leftover | Named::Foreign => {}
            }
        }
        times.sort();
        Ok(times)
    }

    /// Keeps all other processes from writing this export, or fails. Whoever may write to the
    /// folder may have put a link in place of the file: it is not followed, or a file elsewhere
    /// would be made and locked.
    pub(super) fn lock(self) -> Result<Locked<'a>, ExportError> {
        let path = self.path.join(stamp::lock(self.name));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(NOT_A_LINK)
            .open(&path);
        let file = file.map_err(|error| ExportError::writing(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Locked {
                folder: self,
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(ExportError::Busy {
                folder: self.path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(ExportError::writing(&path, error)),
        }
    }

    /// Returns the names of the folders in it, and what they are.
    fn entries(&self) -> Result<Vec<(String, Named)>, ExportError> {
        let failed = |error| ExportError::writing(self.path, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // A link is not a folder here: what it leads to is not ours.
            if !entry.file_type().map_err(failed)?.is_dir() {
                continue;
            }
            if let Ok(name) = entry.file_name().into_string() {
                let named = stamp::named(self.name, &name);
                found.push((name, named));
            }
        }
        Ok(found)
    }

    /// Returns whether this export has written a folder.
    fn is_own(&self, path: &Path) -> bool {
        let manifest = path.join(MANIFEST);
        let is_short = |found: fs::Metadata| found.is_file() && found.len() <= MAX_MANIFEST;
        if !fs::symlink_metadata(&manifest).is_ok_and(is_short) {
            return false;
        }
        let owner = fs::read(&manifest).ok();
        let owner: Option<Owner> = owner.and_then(|text| serde_json::from_slice(&text).ok());
        owner.is_some_and(|owner| owner.export == *self.name)
    }

    fn sync(&self) -> io::Result<()> {
        File::open(self.path)?.sync_all()
    }
}

impl Locked<'_> {
    /// Deletes what a process that was killed has left: an export that it was writing or deleting.
    pub(super) fn clear(&self) -> Result<(), ExportError> {
        let Folder { path, .. } = &self.folder;
        for (found, named) in self.folder.entries()? {
            if named == Named::Leftover {
                let path = path.join(found);
                if let Err(error) = delete(&path) {
                    // It is hidden from programs that load exports, so others can be written.
                    warn!(
                        path = %path.display(), error = %error,
                        "{} is left of an export that was interrupted, and cannot be deleted: \
                         {error}", path.display()
                    );
                }
            }
        }
        Ok(())
    }

    /// Begins to write an export.
    pub(super) fn begin(
        &self,
        begun: Timestamp,
        readers: Readers,
    ) -> Result<Partial<'_>, ExportError> {
        let path = self
            .folder
            .path
            .join(stamp::partial(self.folder.name, begun));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| ExportError::writing(&path, error))?;
        Ok(Partial {
            folder: &self.folder,
            path,
            readers,
            is_kept: false,
        })
    }

    /// Deletes exports, so that `keep` are left, the one of the time `new` among them: first those
    /// of later times, which were written while the clock was ahead, then the oldest.
    ///
    /// Others' files, and folders that contain any, stay. If some cannot be deleted, this fails
    /// with the first of them after it has tried all.
    pub(super) fn drop_old(&self, keep: usize, new: Timestamp) -> Result<(), (PathBuf, io::Error)> {
        let is_own =
            |path: &Path| self.folder.is_own(path) && has_only_own_files(path).unwrap_or(false);
        let times = self.folder.times_of(is_own);
        let mut times =
            times.map_err(|error| (self.folder.path.to_owned(), io::Error::other(error)))?;
        let n_old = times.len().saturating_sub(keep);
        times.retain(|at| *at != new);
        times.sort_by_key(|at| (*at < new, *at));
        let mut first = Ok(());
        for at in times.into_iter().take(n_old) {
            let path = self.folder.path.join(stamp::whole(self.folder.name, at));
            let hidden = self.folder.path.join(stamp::dropped(self.folder.name, at));
            // Hidden first: nobody must find a part of it.
            let dropped = fs::rename(&path, &hidden).and_then(|()| delete(&hidden));
            first = first.and(dropped.map_err(|error| (path, error)));
        }
        first
    }
}

impl Partial<'_> {
    /// Makes a file.
    pub(super) fn file(&self, name: &str) -> Result<Draft, ExportError> {
        let path = self.path.join(name);
        Draft::make(&path, self.readers.file_mode())
            .map_err(|error| ExportError::writing(&path, error))
    }

    /// Says which file could not be written.
    pub(super) fn failed(&self, name: &str, error: io::Error) -> ExportError {
        ExportError::writing(&self.path.join(name), error)
    }

    /// Gives the export its name. From then on it is there, as a whole. Returns its path.
    pub(super) fn keep(mut self, as_of: Timestamp) -> Result<PathBuf, ExportError> {
        let path = self.folder.path.join(stamp::whole(self.folder.name, as_of));
        // The new name would replace an empty folder.
        if fs::symlink_metadata(&path).is_ok() {
            return Err(ExportError::Taken { path });
        }
        let mode = Permissions::from_mode(self.readers.folder_mode());
        let kept = fs::set_permissions(&self.path, mode)
            .and_then(|()| File::open(&self.path)?.sync_all())
            .and_then(|()| fs::rename(&self.path, &path));
        kept.map_err(|error| ExportError::writing(&path, error))?;
        self.is_kept = true;
        let synced = self.folder.sync();
        synced.map_err(|error| ExportError::writing(&path, error))?;
        Ok(path)
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be deleted now is deleted before the next export is written.
            drop(delete(&self.path));
        }
    }
}

/// Returns whether a folder contains only files that an export may have written.
fn has_only_own_files(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_own = name.to_str().is_some_and(stamp::is_own_file);
        if !is_own || !entry.file_type()?.is_file() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes a folder with its files, unless it contains others' files.
fn delete(path: &Path) -> io::Result<()> {
    if !has_only_own_files(path)? {
        let what = "it contains files that qlik-roster has not written";
        return Err(io::Error::other(what));
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // Somebody may have added a file since. The folder then stays.
        if entry.file_name().to_str().is_some_and(stamp::is_own_file) {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(path)
}
