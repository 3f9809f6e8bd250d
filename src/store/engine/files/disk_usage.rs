//! How much of the disk the store takes, and how much is free.
//!
//! Only the store's own files are measured: its folder may be the root of a disk, and contain
//! things that only others may read.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::{ASIDE, Folder};

impl Folder {
    /// Returns the bytes that the database takes, including its copies and the databases moved
    /// aside.
    pub fn bytes(&self) -> io::Result<u64> {
        let own = [
            self.current(),
            self.compacting(),
            self.replaced(),
            self.discarded(),
            self.checking(),
            self.untouched(),
        ];
        sum(own.into_iter().chain(self.aside()?))
    }

    /// Returns the bytes that databases take that were moved aside.
    pub fn bytes_aside(&self) -> io::Result<u64> {
        sum(self.aside()?)
    }

    fn aside(&self) -> io::Result<Vec<PathBuf>> {
        let mut aside = Vec::new();
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(ASIDE) {
                aside.push(entry.path());
            }
        }
        Ok(aside)
    }

    /// Returns the bytes that the database takes.
    pub fn bytes_of_database(&self) -> io::Result<u64> {
        self.bytes_of(&self.current())
    }

    /// Returns the bytes that one of the store's databases takes, wherever it is at the moment.
    pub fn bytes_of(&self, database: &Path) -> io::Result<u64> {
        debug_assert!(database.starts_with(self.path()), "it is one of this store");
        below(database)
    }

    /// Returns the bytes that may still be written; `None` if the system does not say.
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

fn sum(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<u64> {
    let mut paths = paths.into_iter();
    paths.try_fold(0, |bytes, path| Ok(bytes + below(&path)?))
}

/// Returns the bytes of a file, or of all files below a folder. A file that disappears meanwhile,
/// or that we are not allowed to read, counts as empty: a figure that is slightly too low is better
/// than none.
fn below(path: &Path) -> io::Result<u64> {
    match seen(fs::symlink_metadata(path))? {
        Some(found) if found.is_dir() => {}
        Some(found) => return Ok(taken(&found)),
        None => return Ok(0),
    }
    let Some(entries) = seen(fs::read_dir(path))? else {
        return Ok(0);
    };
    let mut bytes = 0;
    for entry in entries {
        bytes += below(&entry?.path())?;
    }
    Ok(bytes)
}

/// Returns what was found; `None` if it no longer exists or we are not allowed to read it.
fn seen<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(refused) => match refused.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Ok(None),
            _ => Err(refused),
        },
    }
}

/// Returns the bytes that a file takes, which may be fewer than its length: sled leaves holes.
fn taken(file: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(file) * 512;
    #[cfg(not(unix))]
    return file.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_stores_is_measured() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let fill = |path: &str, bytes: usize| {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![1; bytes]).unwrap();
        };
        fill("current/db", 40_960);
        fill("current/blobs/1", 8_192);
        fill("damaged-1/db", 4_096);
        fill("damaged-1.tar", 8_192);
        let (all, aside) = (folder.bytes().unwrap(), folder.bytes_aside().unwrap());
        assert!(aside >= 12_288 && all >= aside + 49_152, "{all} {aside}");

        fill("lost+found/somebody/else", 100_000);
        fill("backup.tar", 100_000);

        assert_eq!(folder.bytes().unwrap(), all);
        assert_eq!(folder.bytes_aside().unwrap(), aside);
    }

    #[test]
    fn a_folder_that_may_not_be_read_is_left_out() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let closed = place.path().join("current/closed");
        fs::create_dir_all(&closed).unwrap();
        fs::write(place.path().join("current/db"), vec![1; 4_096]).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();

        let measured = folder.bytes();

        // Makes the folder removable. Root could read it all the time, and sees an empty folder.
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(measured.unwrap() >= 4_096);
    }
}
