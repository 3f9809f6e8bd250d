//! The commit that is being written, in full, beside the database: the next opening finishes an
//! interrupted batch from it.
//!
//! sled 0.34.7 applies a batch row by row. If it cannot continue, because it cannot write the file
//! of a large value or read a page, it withdraws the mark that binds the rows together but keeps
//! the rows it has applied: half a commit is on disk, and no later call can undo it. So every
//! commit is noted here first. Writing its rows again is harmless, since each sets a value and none
//! depends on another.
//!
//! The note is only synced when a batch was interrupted: after a power cut in the middle of a batch
//! sled's own mark works. An opening removes the note durably when it is done with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::StoreId;
use crate::store::engine::{files, scan};
use crate::store::error::StoreError;
use crate::store::layout::keys::Key;

/// Rows as a batch sets them; `None` removes the row.
pub type Rows = BTreeMap<Key, Option<Vec<u8>>>;

/// Stands in place of a length if the row is removed.
const GONE: u32 = u32::MAX;

/// A noted commit.
#[derive(Debug, PartialEq, Eq)]
pub struct Pending {
    /// The store.
    pub store: StoreId,
    /// The number of this atomic write.
    pub commits: u64,
    /// All of its rows.
    pub rows: Rows,
}

/// The file that a commit is noted in.
#[derive(Debug)]
pub struct PendingFile {
    file: File,
    /// The last note, reused for the next: notes are large and many, and between them the database
    /// makes long-lived allocations, which would leave holes of their size.
    bytes: Vec<u8>,
}

impl PendingFile {
    /// Opens the file, or creates it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = files::open_file(path)?;
        Ok(Self {
            file,
            bytes: Vec::new(),
        })
    }

    /// Notes a commit, replacing the one before.
    pub fn note(&mut self, pending: &Pending) -> io::Result<()> {
        encode(pending, &mut self.bytes)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&self.bytes)
    }

    /// Flushes the note to disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Clears the note after the whole commit is on disk.
    pub fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }
}

/// Clears the note, durably.
pub fn forget(path: &Path) -> io::Result<()> {
    let file = files::open_file(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    file.set_len(0)?;
    file.sync_data()
}

/// Reads the commit that was noted last. `None` if there is none, or if its note is incomplete:
/// then the commit was not begun.
pub fn read(path: &Path) -> io::Result<Option<Pending>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(refused) => return Err(refused),
    };
    Ok(decode(&bytes))
}

/// Encodes a commit: length and checksum of the rest; store and number; each row preceded by the
/// lengths of key and value. Whatever follows in the file is left from an earlier, longer note.
fn encode(pending: &Pending, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    // Space for length and checksum.
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&pending.store.0);
    bytes.extend_from_slice(&pending.commits.to_be_bytes());
    for (key, value) in &pending.rows {
        bytes.extend_from_slice(&length(key)?.to_be_bytes());
        bytes.extend_from_slice(key);
        let len = value.as_deref().map_or(Ok(GONE), length)?;
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    if let Some((head, body)) = bytes.split_first_chunk_mut::<16>() {
        let sum = u128::from(xxh3_64(body));
        *head = ((body.len() as u128) << 64 | sum).to_be_bytes();
    }
    Ok(())
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    match u32::try_from(bytes.len()) {
        Ok(len) if len != GONE => Ok(len),
        Ok(_) | Err(_) => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

fn decode(bytes: &[u8]) -> Option<Pending> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let body = rest.get(..usize::try_from(u64::from_be_bytes(*len)).ok()?)?;
    if xxh3_64(body) != u64::from_be_bytes(*sum) {
        return None;
    }
    let (store, rest) = body.split_first_chunk()?;
    let (commits, mut rest) = rest.split_first_chunk()?;
    let mut rows = Rows::new();
    while let Some((len, tail)) = rest.split_first_chunk() {
        let (key, tail) = tail.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        let (len, tail) = tail.split_first_chunk()?;
        let value = match u32::from_be_bytes(*len) {
            GONE => None,
            len => Some(tail.get(..usize::try_from(len).ok()?)?),
        };
        rest = tail.get(value.map_or(0, <[u8]>::len)..)?;
        rows.insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }
    Some(Pending {
        store: StoreId(*store),
        commits: u64::from_be_bytes(*commits),
        rows,
    })
}

/// Writes the missing rows of a commit. Returns whether there were any.
pub fn finish(db: &sled::Db, pending: &Pending) -> Result<bool, StoreError> {
    for (key, value) in &pending.rows {
        if scan::get(db, key)?.as_deref() != value.as_deref() {
            db.apply_batch(batch(&pending.rows))
                .map_err(|error| StoreError::sled("finishing a commit", error))?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a batch for sled.
pub fn batch(rows: &Rows) -> sled::Batch {
    let mut batch = sled::Batch::default();
    for (key, value) in rows {
        match value {
            Some(value) => batch.insert(key.as_slice(), value.as_slice()),
            None => batch.remove(key.as_slice()),
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::support::in_hex;

    fn pending(commits: u64) -> Pending {
        Pending {
            store: StoreId([1, 2, 3, 4, 5, 6, 7, 8]),
            commits,
            rows: [(vec![1, 2], Some(vec![3])), (vec![4], None)].into(),
        }
    }

    #[test]
    fn the_last_note_is_read_and_its_bytes_are_frozen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pending");
        let mut file = PendingFile::open(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);

        file.note(&Pending {
            rows: [(vec![1; 50], Some(vec![2; 50]))].into(),
            ..pending(1)
        })
        .unwrap();
        file.note(&pending(2)).unwrap();

        assert_eq!(read(&path).unwrap(), Some(pending(2)));
        let bytes = std::fs::read(&path).unwrap();
        insta::assert_snapshot!(in_hex(&bytes[..52]), @"0000000000000024aa4561cbf7d6f0770102030405060708000000000000000200000002010200000001030000000104ffffffff");
        file.clear().unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn a_note_that_is_not_whole_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pending");
        let mut file = PendingFile::open(&path).unwrap();
        file.note(&pending(1)).unwrap();
        let whole = std::fs::read(&path).unwrap();

        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert_eq!(read(&path).unwrap(), None, "{len}");
        }
    }
}
