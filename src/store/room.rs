//! What the store's folder takes of the disk, and what is free there.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::files::Folder;

impl Folder {
    /// Returns the bytes that everything in the folder takes.
    pub fn bytes(&self) -> io::Result<u64> {
        below(self.path())
    }

    /// Returns the bytes that databases take which were moved aside.
    pub fn bytes_aside(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("damaged-") {
                bytes += below(&entry.path())?;
            }
        }
        Ok(bytes)
    }

    /// Returns the bytes that the database takes.
    pub fn bytes_of_database(&self) -> io::Result<u64> {
        below(&self.current())
    }

    /// Returns the bytes that may still be written; none where nobody says.
    pub fn bytes_free(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let disk = rustix::fs::statvfs(self.path()).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }
}

/// The bytes of all files below a folder. One that goes meanwhile takes nothing.
fn below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(refused) => return Err(refused),
    };
    for entry in entries {
        let entry = entry?;
        match fs::symlink_metadata(entry.path()) {
            Ok(found) if found.is_dir() => bytes += below(&entry.path())?,
            Ok(found) => bytes += taken(&found),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(bytes)
}

/// What a file takes, which may be less than its length: sled leaves holes.
fn taken(file: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(file) * 512;
    #[cfg(not(unix))]
    return file.len();
}
