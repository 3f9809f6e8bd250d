//! Reads what can still be read out of a damaged store, into a new one that replaces it.
//!
//! Every row has a checksum, so what can be read is what was written. What is missing between the
//! rows is repaired (`repair.rs`, `journal.rs`, `records.rs`): the journal stays dense, the
//! fingerprints are computed again, and rows that name something missing are dropped. The journal
//! and the progress of endpoints continue where they were, under the same store id; the last entry
//! reports to everybody that history was lost. A row that is older than the last one written does
//! no harm: state is compared with its source anyway, and an event that was sent may be sent again.
//!
//! The damaged files are only read, and without sled (`log/`). Their rows go into a database of
//! their own (`replay.rs`), from there into the new store beside it, and only then does the new one
//! replace the damaged one. A process that is interrupted leaves either the damaged store as it
//! was, or the new one complete; the next opening continues from there.

mod found;
pub mod target;
mod journal;
mod records;
mod repair;
mod replay;
mod untouched;

use std::fs;
use std::io;
use std::path::Path;

use crate::doing::counting;
use crate::model::Missing;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{self, Format, codec, v1};
use crate::store::values::head::Head;

use super::catch_panic::catch_panic;
use super::compaction::copying::{Rewrite, Row};
use super::files::mark::{self, Mark, MarkFile};
use super::files::{self, Folder, pending};
use super::opening::database::{self, close_db, wait_until_free};
use super::opening::identify;
use super::opening::refusal::Refusal;
use super::{migrate, scan};
use found::Found;
use target::Target;

pub use found::Cause;
pub use untouched::Before;

/// Bytes that must be free besides twice the size of the damaged files.
const SPARE: u64 = 16 * 1024 * 1024;

/// Makes the new store, ready to replace the damaged one. `None` if nothing could be saved.
pub fn make(folder: &Folder, cause: &Cause<'_>) -> Result<Option<Missing>, OpenError> {
    let refused = |source| OpenError::Io {
        doing: "salvaging what can be read in",
        path: folder.current(),
        source,
    };
    let needed = folder.bytes_of(&folder.current()).map_err(refused)?;
    let needed = needed.saturating_mul(2).saturating_add(SPARE);
    if let Some(free) = folder.bytes_free().filter(|free| *free < needed) {
        return Err(OpenError::NoSpaceToSalvage {
            path: folder.path().to_owned(),
            needed,
            free,
        });
    }
    // sled's threads may still write to the database that was just closed.
    if folder.db().exists()
        && let Err(busy) = wait_until_free(&folder.current())
    {
        tracing::warn!(error = %busy, "The damaged store is salvaged while something has it open");
    }
    let (rows, at) = (folder.checking(), folder.compacting());
    for made in [&rows, &at] {
        remove(made)
            .and_then(|()| files::make_folder(made))
            .and_then(|()| files::give_as(made, &folder.current()))
            .map_err(refused)?;
    }
    let outcome = catch_panic(|| run(folder, &rows, &at, cause))
        .unwrap_or_else(|message| Err(StoreError::panicked("salvaging", message)));
    remove(&rows).map_err(refused)?;
    match outcome {
        Ok(missing) => {
            fs::rename(&at, folder.salvaged())
                .and_then(|()| files::sync_folder(folder.path()))
                .map_err(refused)?;
            Ok(Some(missing))
        }
        Err(error) => {
            tracing::error!(error = %error, "Nothing could be salvaged of the damaged store");
            remove(&at).map_err(refused)?;
            Ok(None)
        }
    }
}

impl Folder {
    /// Moves the damaged store aside, and puts the salvaged one in its place.
    pub fn take_salvaged(&self) -> io::Result<()> {
        if !self.salvaged().exists() {
            return Ok(());
        }
        if self.current().exists() {
            self.move_aside()?;
        }
        fs::rename(self.salvaged(), self.current())?;
        files::sync_folder(self.path())
    }
}

fn run(folder: &Folder, rows: &Path, at: &Path, cause: &Cause<'_>) -> Result<Missing, StoreError> {
    let unreadable = |error| StoreError::io("reading the store's notes", error);
    let mut found = Found {
        mark: mark::read(&folder.high_water()).map_err(unreadable)?,
        ..Found::default()
    };
    let noted = pending::read(&folder.pending()).map_err(unreadable)?;
    let mut target = Target::of(open(folder, at)?);
    if folder.db().exists() {
        let old = open(folder, rows)?;
        let outcome = replay::all(&folder.current(), &old)
            .and_then(|_| gather(&old, &mut found, &mut target));
        close_db(Some(old));
        outcome?;
    }
    // An intact note describes the last commit, which was written or was about to be.
    let store = found.store.or(found.mark.map(|mark| mark.store));
    if let Some(noted) = noted.filter(|noted| store.is_none_or(|store| store == noted.store)) {
        found.store = Some(noted.store);
        for (key, value) in noted.rows {
            match value {
                Some(value) => keep(&key, &value, &mut found, &mut target)?,
                None => target.set(key, None)?,
            }
        }
    }
    target.write()?;
    let (head, missing) = repair::all(&mut target, &found, cause)?;
    target.sync(at)?;
    let mark = Mark {
        store: head.0,
        commits: head.1.commits,
        last: head.1.last,
    };
    let failed = |error| StoreError::io("keeping what was salvaged", error);
    MarkFile::open(&at.join("high-water"))
        .and_then(|mut file| file.keep(mark))
        .and_then(|()| files::sync_folder(at))
        .map_err(failed)?;
    let Target { db, .. } = target;
    close_db(Some(db));
    wait_until_free(at).map_err(failed)?;
    Ok(missing)
}

fn open(folder: &Folder, at: &Path) -> Result<sled::Db, StoreError> {
    database::open_db(folder, at, database::SMALL_CACHE).map_err(|refusal: Refusal| {
        let error = refusal.into_error(folder).to_string();
        StoreError::io("opening a new database", io::Error::other(error))
    })
}

/// Copies every row that can be read, in the layout of the newest format.
fn gather(old: &sled::Db, found: &mut Found, target: &mut Target) -> Result<(), StoreError> {
    let format = identify::format_of(old).unwrap_or(layout::NEWEST);
    let mut steps = migrate::rewrites_from(format);
    let (_doing, salvaged) = counting("salvaging what can be read of the damaged store", "rows");
    for row in scan::prefix(old, &[]) {
        salvaged.add(1);
        for (key, value) in rewritten(&mut steps, row?) {
            keep(&key, &value, found, target)?;
        }
    }
    target.write()
}

/// Rewrites a row as migrations do; a row that cannot be read yields none.
fn rewritten(steps: &mut [Box<dyn Rewrite>], row: Row) -> Vec<Row> {
    if codec::verify(&row.0, &row.1).is_err() {
        return Vec::new();
    }
    let mut rows = vec![row];
    for step in steps {
        let mut next = Vec::new();
        for row in rows {
            // A row that the step cannot read is left out.
            drop(step.row(row, &mut next));
        }
        rows = next;
    }
    rows
}

/// Keeps a row. If the salvage computes rows of this kind itself, only notes what the row says.
fn keep(
    key: &[u8],
    value: &[u8],
    found: &mut Found,
    target: &mut Target,
) -> Result<(), StoreError> {
    let is = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
    if *key == *keys::format() {
        let format = codec::read_row::<Format>(key, value).ok();
        found.store = format.map(|format| format.store).or(found.store);
    } else if *key == *keys::head() {
        found.head = Head::read(key, value).ok().or(found.head);
    } else if is(Keyspace::Census) {
        if let (Some(of), Ok(census)) = (
            keys::census_of(key),
            codec::read_row::<v1::Census>(key, value),
        ) {
            found.censuses.insert(of, census.count);
        }
    } else if is(Keyspace::Bucket)
        || is(Keyspace::Plan)
        || is(Keyspace::PlanRow)
        || *key == *keys::usage()
    {
        // Fingerprints are computed from the records; the next run finds again what a plan would
        // have changed.
    } else {
        target.set(key.to_vec(), Some(value.to_vec()))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
