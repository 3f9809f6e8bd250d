//! Reads the files of a sled database without sled: sled writes to them each time it opens them,
//! and fills what it cannot reach with zeros.
//!
//! sled 0.34.7 keeps everything in one log, `db`, in segments of 512 KiB that are reused once
//! nothing in them counts any more. Each message in it has a checksum, the number of its segment in
//! the order of writing, and a page or a change of one (`page.rs`). Large ones are in files of
//! their own in `blobs/`. So the log can be read from any position, past damaged parts; read in the
//! order of writing, the last message about a row has its current value (`replay`).
//!
//! Source of the format: sled's `pagecache/logger.rs`, `pagecache/iobuf.rs` and `serialization.rs`.

mod page;
mod segment;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use page::Pages;
pub use page::RowChange;
use segment::{Message, MessageKind, SEGMENT, Stop};

/// The log of a database.
pub struct Log {
    file: File,
    blobs: PathBuf,
    n_segments: u64,
}

impl Log {
    /// Opens the log for reading. Nobody may write to it meanwhile.
    pub fn open(database: &Path) -> io::Result<Self> {
        let file = File::open(database.join("db"))?;
        let n_segments = file.metadata()?.len().div_ceil(SEGMENT as u64);
        Ok(Self {
            file,
            blobs: database.join("blobs"),
            n_segments,
        })
    }

    /// Returns whether some part of the log cannot be read although a later part can. When sled
    /// opens such a log, it may drop what comes after the gap. A part missing at the very end is
    /// not a gap: there a process was stopped while it wrote.
    pub fn has_a_gap(&mut self) -> io::Result<bool> {
        let mut stops = BTreeMap::new();
        let mut stable = 0;
        let mut bytes = Vec::new();
        for place in 0..self.n_segments {
            self.read(place, &mut bytes)?;
            let header = segment::header(&bytes);
            let mut reads = true;
            let blobs = &self.blobs;
            let walked = segment::walk(&bytes, self.highest(), &mut |message| {
                reads &= !message.kind.is_elsewhere() || is_sound(blobs, &message);
            });
            let Some(number) = walked.number else {
                continue;
            };
            if header.is_none() || walked.stop == Stop::Gap || !reads {
                return Ok(true);
            }
            stable = header.map_or(stable, |header| stable.max(header.stable));
            if stops.insert(number, walked.stop).is_some() {
                return Ok(true);
            }
        }
        let newest = stops.keys().next_back().copied();
        let mut older = stops.iter().filter(|(number, _)| Some(**number) != newest);
        // Later segments were begun when this one was full.
        if older.any(|(_, stop)| *stop != Stop::Full) {
            return Ok(true);
        }
        // From the position that is certainly on disk, every segment must be there.
        let first = stable / SEGMENT as u64;
        let mut tail = (first..).zip(stops.range(first..));
        Ok(tail.any(|(expected, (number, _))| *number != expected))
    }

    /// Passes on all row changes that can be read, in the order in which they were written.
    pub fn replay<E: From<io::Error>>(
        &mut self,
        sink: &mut dyn FnMut(RowChange) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut order = Vec::new();
        let mut bytes = Vec::new();
        for place in 0..self.n_segments {
            self.read(place, &mut bytes)?;
            let number = segment::header(&bytes).map(|header| header.lsn / SEGMENT as u64);
            let number = number.or_else(|| {
                let walked = segment::walk(&bytes, self.highest(), &mut |_| {});
                walked.number
            });
            order.extend(number.map(|number| (number, place)));
        }
        order.sort_unstable();
        let mut pages = Pages::default();
        for (_, place) in order {
            self.read(place, &mut bytes)?;
            let mut changes = Vec::new();
            let blobs = &self.blobs;
            segment::walk(&bytes, self.highest(), &mut |message| {
                changes.extend(match message.kind.is_elsewhere() {
                    false => pages.read(message.kind, message.page, message.body),
                    true => blob(blobs, &message)
                        .and_then(|body| pages.read(message.kind, message.page, &body)),
                });
            });
            for change in changes {
                sink(change)?;
            }
        }
        Ok(())
    }

    /// Returns an upper bound of segment numbers: a higher one is damage. No store lives long
    /// enough to reuse each segment a million times.
    fn highest(&self) -> u64 {
        self.n_segments.saturating_mul(1_000_000)
    }

    fn read(&mut self, place: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        self.file.seek(SeekFrom::Start(place * SEGMENT as u64))?;
        (&mut self.file).take(SEGMENT as u64).read_to_end(bytes)?;
        Ok(())
    }
}

/// Reads what a message keeps in a file of its own: a checksum, the kind, and the bytes.
fn blob(blobs: &Path, message: &Message<'_>) -> Option<Vec<u8>> {
    let name = i64::from_le_bytes(*message.body.first_chunk()?);
    let bytes = fs::read(blobs.join(name.to_string())).ok()?;
    let (sum, sealed) = bytes.split_first_chunk()?;
    let (kind, body) = sealed.split_first()?;
    let is_sound = crc32fast::hash(sealed) == u32::from_le_bytes(*sum)
        && MessageKind::of(*kind) == Some(message.kind);
    is_sound.then(|| body.to_vec())
}

/// Returns whether the file of a message can be read, or is gone: then a newer message has replaced
/// this one.
fn is_sound(blobs: &Path, message: &Message<'_>) -> bool {
    let name = message
        .body
        .first_chunk()
        .map(|name| i64::from_le_bytes(*name));
    name.is_some_and(|name| !blobs.join(name.to_string()).exists())
        || blob(blobs, message).is_some()
}

#[cfg(test)]
mod tests;
