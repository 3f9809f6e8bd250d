//! A file of an export while it is written.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

/// A file that is being written. Its bytes are counted into a digest.
#[derive(Debug)]
pub(super) struct Draft {
    out: BufWriter<File>,
    hash: Sha256,
}

impl Draft {
    /// Makes a file with these rights, whatever the umask of the process.
    pub(super) fn make(path: &Path, mode: u32) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        Ok(Self {
            out: BufWriter::new(file),
            hash: Sha256::new(),
        })
    }

    /// Ends the file: all of it is on the disk. Returns the digest of its content, in hexadecimal
    /// digits.
    pub(super) fn end(self) -> io::Result<String> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(hex::encode(self.hash.finalize()))
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(bytes.get(..n).unwrap_or(bytes));
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
