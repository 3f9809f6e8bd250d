//! Marks a store's folder while a process has it open, so that a copy of the files taken meanwhile
//! can be told from what that process leaves when it is killed.
//!
//! A killed process leaves an intact store: everything is written with that in mind. A copy of the
//! files that is taken while somebody writes to them has its beginning from one moment and its end
//! from another, and may be in any state. Both contain the mark. The mark identifies its own file
//! by what no copy preserves: its inode number and creation time. Renaming or moving the folder,
//! mounting its volume elsewhere or restoring a snapshot of it preserves both.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::store::engine::files;

use super::Folder;

/// What people who find the file should know.
const WORDS: &str = "\
A process has this store open, or was stopped while it had. Whoever copies these files meanwhile
may get a torn copy: stop the daemon first, or copy a snapshot of the file system.
";

/// How the last process left a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It closed the store, or there was none.
    Closed,
    /// It was killed.
    Stopped,
    /// These are copies of files that it had open.
    Copied,
}

/// Distinguishes a file from every copy of it. On a file system without creation times, the inode
/// number must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    number: u64,
    made_at: Option<u128>,
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(file);
        #[cfg(not(unix))]
        let number = 0;
        let made_at = file.created().ok();
        let made_at = made_at.and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        Self {
            number,
            made_at: made_at.map(|since| since.as_nanos()),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.lines().last()?.split(' ');
        let number = words.next()?.parse().ok()?;
        let made_at = match words.next()? {
            "-" => None,
            nanos => Some(nanos.parse().ok()?),
        };
        Some(Self { number, made_at })
    }

    fn line(self) -> String {
        let made_at = self.made_at.map(|nanos| nanos.to_string());
        format!("{} {}\n", self.number, made_at.as_deref().unwrap_or("-"))
    }

    fn is_same(self, other: Self) -> bool {
        let both = self.made_at.zip(other.made_at);
        self.number == other.number && both.is_none_or(|(a, b)| a == b)
    }
}

/// Finds out how the last process left the store.
pub fn look(folder: &Folder) -> io::Result<Left> {
    let path = folder.open_mark();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Left::Closed),
        Err(refused) => return Err(refused),
    };
    let here = Identity::of(&fs::metadata(&path)?);
    let noted = str::from_utf8(&bytes).ok().and_then(Identity::read);
    Ok(match noted.is_some_and(|noted| noted.is_same(here)) {
        true => Left::Stopped,
        false => Left::Copied,
    })
}

/// Marks the store as open; durable when it returns.
pub fn set(folder: &Folder) -> io::Result<()> {
    if look(folder)? == Left::Stopped {
        return Ok(());
    }
    // The mark has another name until it is complete: half a mark would be taken for a copy's.
    let (path, written) = (folder.open_mark(), folder.path().join("open.new"));
    remove(&written)?;
    let mut file = files::open_file(&written)?;
    let line = Identity::of(&file.metadata()?).line();
    file.write_all(&[WORDS.as_bytes(), line.as_bytes()].concat())?;
    file.sync_all()?;
    files::give_as(&written, folder.path())?;
    fs::rename(&written, &path)?;
    files::sync_folder(folder.path())
}

/// Marks the store as closed; durable when it returns.
pub fn clear(folder: &Folder) -> io::Result<()> {
    remove(&folder.open_mark())?;
    files::sync_folder(folder.path())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_told_from_what_was_left_or_moved() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = place.path().join(name);
            fs::create_dir_all(&path).unwrap();
            Folder::new(&path)
        };
        let store = at("store");
        assert_eq!(look(&store).unwrap(), Left::Closed);

        set(&store).unwrap();
        assert_eq!(look(&store).unwrap(), Left::Stopped);
        let line = fs::read_to_string(store.open_mark()).unwrap();
        set(&store).unwrap();
        assert_eq!(fs::read_to_string(store.open_mark()).unwrap(), line);

        let copy = at("copy");
        fs::copy(store.open_mark(), copy.open_mark()).unwrap();
        assert_eq!(look(&copy).unwrap(), Left::Copied);
        fs::rename(store.path(), place.path().join("moved")).unwrap();
        let moved = Folder::new(&place.path().join("moved"));
        assert_eq!(look(&moved).unwrap(), Left::Stopped);

        set(&copy).unwrap();
        assert_eq!(look(&copy).unwrap(), Left::Stopped);
        clear(&copy).unwrap();
        assert_eq!(look(&copy).unwrap(), Left::Closed);
    }

    #[test]
    fn a_file_is_another_by_its_number_or_by_when_it_was_made() {
        let file = |number, made_at| Identity { number, made_at };
        let this = file(7, Some(9));

        for (other, expected) in [
            (file(7, Some(9)), true),
            (file(7, None), true),
            (file(7, Some(8)), false),
            (file(8, Some(9)), false),
            (file(8, None), false),
        ] {
            assert_eq!(this.is_same(other), expected, "{other:?}");
            let text = format!("{WORDS}{}", other.line());
            assert_eq!(Identity::read(&text), Some(other));
        }
        for text in ["", "7", "x 9", "7 x"] {
            assert_eq!(Identity::read(text), None, "{text}");
        }
    }
}
