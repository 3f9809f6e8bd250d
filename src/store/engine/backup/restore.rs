//! Makes a store of a backup, in an empty folder.
//!
//! The file is read twice: first only its checksum is compared. The store is made in a folder of
//! its own, and moves to its place when it is complete and has been opened once; until then an
//! interrupted restore leaves nothing that looks like a store.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::file::FileReader;
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::mark::{Mark, MarkFile};
use crate::store::engine::files::{self, Folder};
use crate::store::engine::opening::database::{self, close_db, wait_until_free};
use crate::store::engine::salvage::target::Target;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout::{self, Format, codec, keys};
use crate::store::values::head::Head;

/// The folder in which the store is made.
const MAKING: &str = "restoring";

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Rows of the backup.
    pub rows: u64,
    /// The folder in which the store is complete, until it is moved to its place.
    pub made_in: PathBuf,
}

/// Why nothing was restored. The folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The folder has something in it.
    #[error("restoring into `{}`: the folder is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The file cannot be read, was cut off or changed, or is no backup.
    #[error("reading the backup `{}`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was made by a newer version of this program.
    #[error(
        "the backup `{}` has format {found}, and this version reads up to {}; restore it with the \
         newer version", file.display(), layout::NEWEST
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The new store could not be written.
    #[error("writing the restored store in `{}`", path.display())]
    Write {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The new store could not be opened.
    #[error("opening the restored store")]
    Open {
        /// Why.
        #[source]
        source: OpenError,
    },
}

impl RestoreError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotEmpty { .. } => "restore.not-empty",
            Self::Unreadable { .. } => "restore.unreadable",
            Self::Newer { .. } => "store.newer",
            Self::Write { .. } => "restore.write",
            Self::Open { source } => source.code(),
        }
    }
}

/// Makes the store in a folder inside its place. [`take`] moves it there.
pub fn restore(file: &Path, path: &Path) -> Result<Restored, RestoreError> {
    make_sure_of_empty(path)?;
    let format = verify(file)?;
    if format > layout::NEWEST {
        return Err(RestoreError::Newer {
            file: file.to_owned(),
            found: format,
        });
    }
    let made_in = path.join(MAKING);
    let failed = |source| RestoreError::Write {
        path: path.to_owned(),
        source,
    };
    let made = files::make_folder(path)
        .and_then(|()| files::make_folder(&made_in))
        .map_err(|source| failed(StoreError::io("making the folder", source)));
    made?;
    let folder = Folder::new(&made_in);
    let filled = catch_panic(|| fill(file, &folder))
        .unwrap_or_else(|message| Err(failed(StoreError::panicked("writing a database", message))));
    let rows = filled.inspect_err(|_failed| drop(fs::remove_dir_all(&made_in)))?;
    Ok(Restored { rows, made_in })
}

/// Moves a store that was made to its place.
pub fn take(restored: &Restored, path: &Path) -> Result<(), RestoreError> {
    let (from, to) = (Folder::new(&restored.made_in), Folder::new(path));
    let moved = fs::rename(from.current(), to.current())
        .and_then(|()| files::sync_folder(path))
        .and_then(|()| fs::remove_dir_all(&restored.made_in));
    moved.map_err(|source| RestoreError::Write {
        path: path.to_owned(),
        source: StoreError::io("moving the restored store to its place", source),
    })
}

fn make_sure_of_empty(path: &Path) -> Result<(), RestoreError> {
    let is_empty = match fs::read_dir(path) {
        // What an interrupted restore has left is no store, and is made again.
        Ok(entries) => entries.flatten().all(|entry| entry.file_name() == MAKING),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    match is_empty {
        true => {
            drop(fs::remove_dir_all(path.join(MAKING)));
            Ok(())
        }
        false => Err(RestoreError::NotEmpty {
            path: path.to_owned(),
        }),
    }
}

/// Reads the whole file, and compares its checksum. Returns the format of the store.
pub fn verify(file: &Path) -> Result<u32, RestoreError> {
    let unreadable = |source| RestoreError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let mut reader = open(file).map_err(unreadable)?;
    let mut found = None;
    while let Some((key, value)) = reader.next_row().map_err(unreadable)? {
        if key == keys::format() {
            let value = value.unwrap_or_default();
            found = codec::read_row::<Format>(&key, &value).ok();
        }
    }
    let found = found.ok_or_else(|| unreadable(io::Error::other("it has no format")))?;
    Ok(found.version)
}

fn open(file: &Path) -> io::Result<FileReader<BufReader<File>>> {
    FileReader::begin(BufReader::new(File::open(file)?))
}

fn fill(file: &Path, folder: &Folder) -> Result<u64, RestoreError> {
    let unreadable = |source| RestoreError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let failed = |source| RestoreError::Write {
        path: folder.path().to_owned(),
        source,
    };
    let io_failed = |source| failed(StoreError::io("writing the restored store", source));
    let at = folder.current();
    files::make_folder(&at).map_err(io_failed)?;
    let db = database::open_db(folder, &at, database::SMALL_CACHE).map_err(|refusal| {
        let error = refusal.into_error(folder).to_string();
        io_failed(io::Error::other(error))
    })?;
    let mut target = Target::of(db);
    let mut reader = open(file).map_err(unreadable)?;
    let mut rows = 0;
    while let Some((key, value)) = reader.next_row().map_err(unreadable)? {
        if let Some(value) = &value {
            codec::verify(&key, value).map_err(failed)?;
        }
        target.set(key, value).map_err(failed)?;
        rows += 1;
    }
    target.sync(&at).map_err(failed)?;
    let mark = mark(&target.db).map_err(failed)?;
    MarkFile::open(&at.join("high-water"))
        .and_then(|mut file| file.keep(mark))
        .and_then(|()| files::sync_folder(&at))
        .map_err(io_failed)?;
    close_db(Some(target.db));
    wait_until_free(&at).map_err(io_failed)?;
    Ok(rows)
}

/// Returns how far the store in a database had got.
fn mark(db: &sled::Db) -> Result<Mark, StoreError> {
    let read = |key: Vec<u8>| {
        let value = crate::store::engine::scan::get(db, &key)?;
        let value = value.ok_or_else(|| codec::flawed(&key, "missing"))?;
        Ok::<_, StoreError>((key, value))
    };
    let (key, value) = read(keys::format())?;
    let format: Format = codec::read_row(&key, &value)?;
    let (key, value) = read(keys::head())?;
    let head = Head::read(&key, &value)?;
    Ok(Mark {
        store: format.store,
        commits: head.commits,
        last: head.last,
    })
}
