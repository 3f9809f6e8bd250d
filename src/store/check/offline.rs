//! Checks a store that nobody has open, on a copy of its files: even an opening that only reads
//! writes to the files, and a store that may be damaged must not be written to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::doing::{counting, doing};
use crate::model::StoreCheck;
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::{self, Folder, mark, pending};
use crate::store::engine::opening::database::{self, close_db};
use crate::store::engine::opening::identify::{self, Look};
use crate::store::engine::opening::lock;
use crate::store::engine::opening::refusal::Refusal;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout;

use super::faults::in_words;
use super::{Checked, View, report, whole};

/// Bytes that must be free besides those of the copy.
const SPARE: u64 = 16 * 1024 * 1024;

/// Why a store was not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no store.
    #[error(
        "checking the store in `{}`: there is none; look at `path` in `[store]`, and at who \
         runs this and from where",
        path.display()
    )]
    NoStore {
        /// Where we looked for it.
        path: PathBuf,
    },
    /// Somebody else has it open, or it was written by a newer version.
    #[error("checking the store")]
    Open {
        /// Why it did not open.
        #[source]
        source: OpenError,
    },
    /// The disk has no space for a copy of the files.
    #[error(
        "checking the store: a copy of its files takes {needed} bytes and {free} are free; free \
         some disk space, then try again"
    )]
    NoSpace {
        /// Bytes that a copy takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The files could not be copied.
    #[error("checking the store: copying its files")]
    Copy {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl CheckError {
    /// Returns the code under which `docs/errors.md` lists this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoStore { .. } => "store.not-there",
            Self::Open { source } => source.code(),
            Self::NoSpace { .. } => "store.no-room",
            Self::Copy { .. } => "store.io",
        }
    }
}

/// Checks the store in a folder, in any format, and changes nothing in it. Nobody may have it open.
pub fn offline(path: &Path) -> Result<StoreCheck, CheckError> {
    let folder = Folder::new(path);
    // Between the two renames that swap a copy in, the database is under its other name.
    let places = [folder.current(), folder.replaced()];
    let there = || places.iter().find(|place| place.exists());
    let nowhere = || CheckError::NoStore {
        path: path.to_owned(),
    };
    // We look again once we have the lock, when nobody can rename the database any more.
    there().ok_or_else(nowhere)?;
    let refused = |source| CheckError::Open { source };
    let lock = lock::take_lock(&folder).map_err(refused)?;
    let checked = there()
        .ok_or_else(nowhere)
        .and_then(|database| on_a_copy(&folder, database));
    if let Err(refused) = remove(&folder.checking()) {
        tracing::warn!(
            error = %refused,
            "`{}`, which was checked, could not be removed; the next start tries again",
            folder.checking().display()
        );
    }
    drop(lock);
    checked
}

fn on_a_copy(folder: &Folder, database: &Path) -> Result<StoreCheck, CheckError> {
    let failed = |source| CheckError::Copy { source };
    let at = folder.checking();
    remove(&at).map_err(failed)?;
    let needed = folder
        .bytes_of(database)
        .map_err(failed)?
        .saturating_add(SPARE);
    if let Some(free) = folder.bytes_free().filter(|free| *free < needed) {
        return Err(CheckError::NoSpace { needed, free });
    }
    let copying = doing("copying the store's files, to check the copy");
    files::copy_database(database, &at).map_err(failed)?;
    drop(copying);
    let mut checked = Checked::default();
    let format =
        look_through(folder, &at, &mut checked).map_err(|source| CheckError::Open { source })?;
    Ok(report(checked, format))
}

/// Checks the copy. Returns the format of the store.
fn look_through(folder: &Folder, at: &Path, checked: &mut Checked) -> Result<u32, OpenError> {
    let of_files = "the database's files";
    if let Ok(what) = fs::read_to_string(at.join("damaged")) {
        checked
            .faults
            .add("noted when it was last open".to_owned(), what);
    }
    let db = match database::open_db(folder, at, database::SMALL_CACHE) {
        Ok(db) => db,
        Err(Refusal::Damaged(what)) => {
            checked.faults.add(of_files.to_owned(), what);
            return Ok(layout::NEWEST);
        }
        Err(Refusal::Error(error)) => return Err(error),
    };
    let known = acknowledged(at).map_err(|error| StoreError::io("reading its notes", error));
    let looked =
        catch_panic(|| known.and_then(|(mark, pending)| identify::identify(&db, mark, pending)));
    let format = match looked {
        Ok(Ok(Look::Sound(format, _))) => format.version,
        Ok(Ok(Look::Empty)) => layout::NEWEST,
        Ok(Ok(Look::Newer(found))) => {
            close_db(Some(db));
            return Err(identify::newer(folder, found));
        }
        Ok(Err(error)) => {
            checked
                .faults
                .add("what was acknowledged".to_owned(), in_words(&error));
            identify::format_of(&db).unwrap_or(layout::NEWEST)
        }
        Err(message) => {
            let what = format!("reading them the database panicked: {message}");
            checked.faults.add(of_files.to_owned(), what);
            layout::NEWEST
        }
    };
    let (_doing, looked) = counting("checking the store", "rows");
    let mut found = whole(&View::alone(&db, format), &|rows| looked.add(rows));
    found.faults.prepend(std::mem::take(&mut checked.faults));
    *checked = found;
    close_db(Some(db));
    Ok(format)
}

fn acknowledged(at: &Path) -> io::Result<(Option<mark::Mark>, Option<pending::Pending>)> {
    Ok((
        mark::read(&at.join("high-water"))?,
        pending::read(&at.join("pending"))?,
    ))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
