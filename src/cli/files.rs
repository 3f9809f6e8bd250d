//! Files that a command writes: all of them whole or none, for their owner alone, and never in
//! place of others.

use std::fs::DirBuilder;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::error::CliError;

/// The folder that they are written to.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, or makes one that only its owner can read.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("making the folder {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }

    /// Fails if one of the files exists already.
    pub(super) fn is_free<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), CliError> {
        let mut paths = names.into_iter().map(|name| self.0.join(name));
        match paths.find(|path| path.exists()) {
            None => Ok(()),
            Some(path) => Err(taken(&path)),
        }
    }

    /// Begins a file that has no name yet.
    pub(super) fn draft(&self) -> anyhow::Result<Draft> {
        let file = NamedTempFile::new_in(&self.0);
        let file = file.with_context(|| format!("writing to {}", self.0.display()))?;
        Ok(Draft {
            out: BufWriter::new(file),
            hash: Sha256::new(),
        })
    }

    /// Gives all files their names. Returns their paths.
    pub(super) fn keep(&self, files: Vec<(String, Whole)>) -> anyhow::Result<Vec<PathBuf>> {
        let mut kept = Vec::new();
        for (name, whole) in files {
            let path = self.0.join(name);
            // An existing file is never overwritten.
            if let Err(error) = whole.file.persist_noclobber(&path) {
                // All of them or none.
                for path in &kept {
                    drop(std::fs::remove_file(path));
                }
                return Err(match error.error.kind() {
                    io::ErrorKind::AlreadyExists => taken(&path).into(),
                    _ => anyhow::Error::new(error.error)
                        .context(format!("writing {}", path.display())),
                });
            }
            kept.push(path);
        }
        // The names are stored in the folder, which must be synced as well as the files.
        std::fs::File::open(&self.0)?.sync_all()?;
        Ok(kept)
    }
}

fn taken(path: &Path) -> CliError {
    CliError::Impossible(format!(
        "{} already exists and is not overwritten; name another folder in `--out`, or move it away",
        path.display()
    ))
}

/// A file that is being written. It is deleted unless it is kept.
pub(super) struct Draft {
    out: BufWriter<NamedTempFile>,
    hash: Sha256,
}

impl Draft {
    /// Ends the file: all of it is on the disk.
    pub(super) fn end(self) -> io::Result<Whole> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok(Whole {
            file,
            sha256: hex::encode(self.hash.finalize()),
        })
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

impl Read for Draft {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.out.get_mut().read(bytes)
    }
}

impl Seek for Draft {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // Flushes first.
        self.out.seek(to)
    }
}

/// A file that is complete, without a name yet.
pub(super) struct Whole {
    file: NamedTempFile,
    sha256: String,
}

impl Whole {
    /// Returns the digest of its content, in hexadecimal digits.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }
}
