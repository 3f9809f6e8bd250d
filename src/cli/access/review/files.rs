//! The files of the evidence: each is written whole or not at all, for its owner alone.

use std::fs::DirBuilder;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::cli::error::CliError;
use crate::model::{TenantName, Timestamp};

/// What the files are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) csv: String,
    page: String,
    sums: String,
}

impl Names {
    /// Names them after the tenant and the time that the evidence describes.
    pub(super) fn of(tenant: &TenantName, as_of: Timestamp) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let plain = |c: char| if is_plain(c) { c } else { '-' };
        let tenant: String = tenant.0.chars().map(plain).collect();
        let as_of = as_of.to_string().replace(':', "");
        let base = format!("access-review-{tenant}-{as_of}");
        Self {
            csv: format!("{base}.csv"),
            page: format!("{base}.html"),
            sums: format!("{base}.sha256"),
        }
    }

    fn all(&self) -> [&str; 3] {
        [&self.csv, &self.page, &self.sums]
    }
}

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
    pub(super) fn is_free(&self, names: &Names) -> Result<(), CliError> {
        let paths = names.all().map(|name| self.0.join(name));
        match paths.iter().find(|path| path.exists()) {
            None => Ok(()),
            Some(path) => Err(taken(path)),
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

    /// Gives the files their names, and writes the digests of both beside them. Returns their
    /// paths.
    pub(super) fn keep(
        &self,
        names: &Names,
        csv: Whole,
        page: Whole,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut sums = self.draft()?;
        for (whole, name) in [(&csv, &names.csv), (&page, &names.page)] {
            writeln!(sums, "{}  {name}", whole.sha256())?;
        }
        let wholes = [csv, page, sums.end()?];
        let mut kept = Vec::new();
        for (whole, name) in wholes.into_iter().zip(names.all()) {
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
