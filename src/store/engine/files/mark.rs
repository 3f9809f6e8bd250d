//! The high-water mark: the last acknowledged position, kept beside the database.
//!
//! If the tail of a log is cut, or its first segment can no longer be read, sled silently opens a
//! shorter or an empty store, consistent in itself. So a small file says how far the store had got:
//! a store that is behind it has lost what was promised.
//!
//! The mark is written after the database was synced, so it is never ahead of it, and needs no sync
//! of its own: it is synced at first, once a second and at the close, so after a power cut it lags
//! by at most a second. Two slots are written in turn, so that a torn write leaves one intact.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Seq, StoreId};
use crate::store::engine::files;

/// Bytes of a slot: store, commits, last entry, checksum.
const SLOT: usize = 32;

/// How often the mark itself is synced.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How far a store had got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The store.
    pub store: StoreId,
    /// Atomic writes so far.
    pub commits: u64,
    /// The journal's last entry.
    pub last: Seq,
}

/// The file that the mark is kept in.
#[derive(Debug)]
pub struct MarkFile {
    file: File,
    /// `None` if this process has not synced it yet.
    synced_at: Option<Instant>,
}

impl MarkFile {
    /// Opens the file, or creates it.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: files::open_file(path)?,
            synced_at: None,
        })
    }

    /// Writes a mark.
    pub fn keep(&mut self, mark: Mark) -> io::Result<()> {
        let slot = SLOT as u64 * (mark.commits % 2);
        self.file.seek(SeekFrom::Start(slot))?;
        self.file.write_all(&encode(mark))?;
        if self.synced_at.is_none_or(|at| at.elapsed() >= SYNC_EVERY) {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes the written mark durable.
    pub fn sync(&mut self) -> io::Result<()> {
        self.synced_at = Some(Instant::now());
        self.file.sync_data()
    }
}

/// Reads the mark, from the higher of the slots that are intact. `None` if there is none.
pub fn read(path: &Path) -> io::Result<Option<Mark>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(2 * SLOT as u64).read_to_end(&mut bytes)?,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(refused) => return Err(refused),
    };
    Ok(bytes
        .chunks(SLOT)
        .filter_map(decode)
        .max_by_key(|mark| mark.commits))
}

fn encode(mark: Mark) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    let fields = mark
        .store
        .0
        .into_iter()
        .chain(mark.commits.to_be_bytes())
        .chain(mark.last.0.to_be_bytes());
    let (body, sum) = slot.split_at_mut(SLOT - 8);
    for (byte, field) in body.iter_mut().zip(fields) {
        *byte = field;
    }
    sum.copy_from_slice(&xxh3_64(body).to_be_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<Mark> {
    let (body, sum) = slot.split_last_chunk::<8>()?;
    let (store, rest) = body.split_first_chunk::<8>()?;
    let (commits, rest) = rest.split_first_chunk::<8>()?;
    let last: [u8; 8] = rest.try_into().ok()?;
    (xxh3_64(body) == u64::from_be_bytes(*sum)).then(|| Mark {
        store: StoreId(*store),
        commits: u64::from_be_bytes(*commits),
        last: Seq(u64::from_be_bytes(last)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::support::in_hex;

    fn mark(commits: u64) -> Mark {
        Mark {
            store: StoreId([1, 2, 3, 4, 5, 6, 7, 8]),
            commits,
            last: Seq(commits * 3),
        }
    }

    #[test]
    fn the_bytes_are_frozen() {
        let hex = in_hex(&encode(mark(5)));

        insta::assert_snapshot!(hex, @"01020304050607080000000000000005000000000000000f4ed2877968dae9e4");
    }

    #[test]
    fn a_torn_slot_leaves_the_mark_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("high-water");
        let mut file = MarkFile::open(&path).unwrap();
        file.keep(mark(1)).unwrap();
        file.keep(mark(2)).unwrap();
        assert_eq!(read(&path).unwrap(), Some(mark(2)));

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();

        assert_eq!(read(&path).unwrap(), Some(mark(1)));
    }

    #[test]
    fn no_mark_is_read_where_none_was_kept() {
        let folder = tempfile::tempdir().unwrap();

        assert_eq!(read(&folder.path().join("high-water")).unwrap(), None);
    }
}
