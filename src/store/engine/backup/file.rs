//! The file of a backup: how rows are written to it and read from it.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// The first bytes. The number is that of this layout of the file, not of the store's rows.
const MAGIC: &[u8] = b"qlik-roster backup 1\n";

/// In place of the length of a key: no rows follow.
const END: u32 = u32::MAX;

/// In place of the length of a value: the row is removed.
const REMOVED: u32 = u32::MAX;

/// The longest key and value: more than any row has.
const MAX_KEY: u32 = 64 * 1024;
const MAX_VALUE: u32 = 256 * 1024 * 1024;

/// A row of the file; the value is `None` if the row is removed.
pub type FileRow = (Vec<u8>, Option<Vec<u8>>);

/// Writes a backup.
pub struct FileWriter<W> {
    out: W,
    digest: Sha256,
    n_rows: u64,
}

impl<W: Write> FileWriter<W> {
    pub fn begin(out: W) -> io::Result<Self> {
        let mut writer = Self {
            out,
            digest: Sha256::new(),
            n_rows: 0,
        };
        writer.put(MAGIC)?;
        Ok(writer)
    }

    pub fn row(&mut self, key: &[u8], value: Option<&[u8]>) -> io::Result<()> {
        self.n_rows += 1;
        self.put(&length(key.len(), MAX_KEY)?.to_be_bytes())?;
        let Some(value) = value else {
            self.put(&REMOVED.to_be_bytes())?;
            return self.put(key);
        };
        self.put(&length(value.len(), MAX_VALUE)?.to_be_bytes())?;
        self.put(key)?;
        self.put(value)
    }

    /// Ends the file. Returns how many rows it has.
    pub fn end(mut self) -> io::Result<u64> {
        let n_rows = self.n_rows;
        self.put(&END.to_be_bytes())?;
        self.put(&n_rows.to_be_bytes())?;
        let digest = self.digest.finalize();
        self.out.write_all(&digest)?;
        self.out.flush()?;
        Ok(n_rows)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.out.write_all(bytes)
    }
}

fn length(bytes: usize, limit: u32) -> io::Result<u32> {
    let length = u32::try_from(bytes).ok().filter(|length| *length <= limit);
    length.ok_or_else(|| flawed("a row is too long for a backup"))
}

/// Reads a backup.
pub struct FileReader<R> {
    input: R,
    digest: Sha256,
    n_rows: u64,
}

impl<R: Read> FileReader<R> {
    pub fn begin(input: R) -> io::Result<Self> {
        let mut reader = Self {
            input,
            digest: Sha256::new(),
            n_rows: 0,
        };
        let mut magic = [0; MAGIC.len()];
        reader.take(&mut magic)?;
        match magic == *MAGIC {
            true => Ok(reader),
            false => Err(flawed(
                "it is not a backup of this program, or one of a newer version",
            )),
        }
    }

    /// Returns the next row; `None` at the end, if everything was as it was written.
    pub fn next_row(&mut self) -> io::Result<Option<FileRow>> {
        let n_key = self.number()?;
        if n_key == END {
            return self.end().map(|()| None);
        }
        let n_value = self.number()?;
        if n_key > MAX_KEY || n_value != REMOVED && n_value > MAX_VALUE {
            return Err(flawed("a length is wrong"));
        }
        self.n_rows += 1;
        let key = self.bytes(n_key)?;
        let value = match n_value {
            REMOVED => None,
            n_value => Some(self.bytes(n_value)?),
        };
        Ok(Some((key, value)))
    }

    fn end(&mut self) -> io::Result<()> {
        let mut n_rows = [0; 8];
        self.take(&mut n_rows)?;
        let expected = std::mem::take(&mut self.digest).finalize();
        let mut digest = [0; 32];
        self.input.read_exact(&mut digest)?;
        let mut more = [0];
        let is_over = self.input.read(&mut more)? == 0;
        let is_whole = digest[..] == expected[..] && u64::from_be_bytes(n_rows) == self.n_rows;
        match is_whole && is_over {
            true => Ok(()),
            false => Err(flawed("its checksum does not match")),
        }
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.take(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// Reads this many bytes. The memory for them grows as they come: a wrong length takes none.
    fn bytes(&mut self, n_bytes: u32) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut part = (&mut self.input).take(u64::from(n_bytes));
        part.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != u64::from(n_bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.digest.update(&bytes);
        Ok(bytes)
    }

    fn take(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(bytes)?;
        self.digest.update(&*bytes);
        Ok(())
    }
}

fn flawed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FileWriter::begin(&mut bytes).unwrap();
        writer.row(b"a", Some(b"first")).unwrap();
        writer.row(b"b", Some(b"")).unwrap();
        writer.row(b"a", None).unwrap();
        assert_eq!(writer.end().unwrap(), 3);
        bytes
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<FileRow>> {
        let mut reader = FileReader::begin(bytes)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn what_was_written_is_read() {
        let rows = read(&written()).unwrap();

        let a = |value: Option<&[u8]>| (b"a".to_vec(), value.map(<[u8]>::to_vec));
        let b = (b"b".to_vec(), Some(Vec::new()));
        assert_eq!(rows, [a(Some(b"first")), b, a(None)]);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let whole = written();
        for n in 0..whole.len() {
            assert!(read(&whole[..n]).is_err(), "cut after {n} bytes");
            let mut changed = whole.clone();
            changed[n] ^= 1;
            assert!(read(&changed).is_err(), "byte {n} changed");
        }
        assert!(read(&[&*whole, b"x"].concat()).is_err(), "a byte follows");
    }
}
