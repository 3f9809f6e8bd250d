//! Reads out of a damaged store what still reads, into a new one that takes its place.
//!
//! Every row has a checksum, so what reads is what was written. What is missing between the rows
//! is made whole (`repair.rs`, `journal.rs`, `records.rs`): the journal stays dense, the fingerprints are
//! counted anew, and what names something that is gone goes too. Journal and places of
//! endpoints go on where they were, in the same store; the last entry tells everybody that history was
//! lost. What is not the last that was written does no harm: state is compared with its source
//! anyway, and an event that was sent may be sent again.
//!
//! The damaged files are read from a copy, since an opening writes. The new store is made beside them
//! and only then takes their place. A process that is stopped on the way leaves the damaged store as it
//! was, or the new one whole; the next opening goes on from there.

mod fresh;
mod gather;
mod journal;
mod records;
mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use crate::clock::Clock;
use crate::model::{Kind, Missing, Seq, StoreId};

use super::TenantNo;
use super::caught::caught;
use super::compose::Head;
use super::copying::{Rewrite, Row, wait_until_free};
use super::error::{OpenError, StoreError};
use super::files::{self, Folder};
use super::inner::let_go;
use super::keys::{self, Key, Space};
use super::layout::{self, Format, v1};
use super::mark::{self, Mark, MarkFile};
use super::opening::{self, Refusal};
use super::pending;
use super::{codec, migrate};

use fresh::Fresh;
use gather::Gather;

/// Bytes that must be free beside twice those of the damaged files.
const SPARE: u64 = 16 * 1024 * 1024;

/// What the damaged store said of itself, as far as it reads.
#[derive(Default)]
struct Found {
    store: Option<StoreId>,
    head: Option<Head>,
    mark: Option<Mark>,
    /// How many records there were.
    censuses: BTreeMap<(TenantNo, Kind), u64>,
}

/// Why a store is salvaged, and where it will be then.
pub struct Cause<'a> {
    pub damage: &'a str,
    pub moved_to: &'a str,
    pub clock: &'a Clock,
}

/// Makes the new store, ready to take its place. `None`: nothing could be made of the damaged one.
pub fn make(folder: &Folder, cause: &Cause<'_>) -> Result<Option<Missing>, OpenError> {
    let refused = |source| OpenError::Io {
        doing: "salvaging what reads in",
        path: folder.current(),
        source,
    };
    let needed = folder.bytes_of(&folder.current()).map_err(refused)?;
    let needed = needed.saturating_mul(2).saturating_add(SPARE);
    if let Some(free) = folder.bytes_free().filter(|free| *free < needed) {
        return Err(OpenError::NoRoomToSalvage {
            path: folder.path().to_owned(),
            needed,
            free,
        });
    }
    // sled's threads may still write to what was just let go.
    if folder.db().exists()
        && let Err(busy) = wait_until_free(&folder.current())
    {
        tracing::warn!(error = %busy, "The damaged store is salvaged while something has it open");
    }
    let (source, at) = (folder.checking(), folder.compacting());
    remove(&source)
        .and_then(|()| remove(&at))
        .and_then(|()| files::copy_database(&folder.current(), &source))
        .and_then(|()| files::make_folder(&at))
        .and_then(|()| files::give_as(&at, &folder.current()))
        .map_err(refused)?;
    let outcome = caught(|| run(folder, &source, &at, cause))
        .unwrap_or_else(|message| Err(StoreError::panicked("salvaging", message)));
    remove(&source).map_err(refused)?;
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
    /// Puts a store that was salvaged in the place of the damaged one, which is moved aside.
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

fn run(
    folder: &Folder,
    source: &Path,
    at: &Path,
    cause: &Cause<'_>,
) -> Result<Missing, StoreError> {
    let unreadable = |error| StoreError::io("reading the store's notes", error);
    let mut found = Found {
        mark: mark::read(&source.join("high-water")).map_err(unreadable)?,
        ..Found::default()
    };
    let noted = pending::read(&source.join("pending")).map_err(unreadable)?;
    let fresh = open(folder, at)?;
    let mut fresh = Fresh::of(fresh);
    if let Some(old) = open_old(folder, source) {
        let outcome = gather(&old, &mut found, &mut fresh);
        let_go(Some(old));
        outcome?;
    }
    // Whole in itself, and the last that was written or was to be.
    let store = found.store.or(found.mark.map(|mark| mark.store));
    if let Some(noted) = noted.filter(|noted| store.is_none_or(|store| store == noted.store)) {
        found.store = Some(noted.store);
        for (key, value) in noted.rows {
            match value {
                Some(value) => keep(&key, &value, &mut found, &mut fresh)?,
                None => fresh.set(key, None)?,
            }
        }
    }
    fresh.write()?;
    let (head, missing) = repair::all(&mut fresh, &found, cause)?;
    fresh.sync(at)?;
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
    let Fresh { db, .. } = fresh;
    let_go(Some(db));
    wait_until_free(at).map_err(failed)?;
    Ok(missing)
}

/// Opens the damaged files. Without its snapshot sled reads its whole log, and may get further.
fn open_old(folder: &Folder, source: &Path) -> Option<sled::Db> {
    if let Ok(db) = opening::open_db(folder, source, opening::SMALL_CACHE) {
        return Some(db);
    }
    for entry in fs::read_dir(source).ok()?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).ok()?;
        }
    }
    opening::open_db(folder, source, opening::SMALL_CACHE).ok()
}

fn open(folder: &Folder, at: &Path) -> Result<sled::Db, StoreError> {
    opening::open_db(folder, at, opening::SMALL_CACHE).map_err(|refusal: Refusal| {
        let error = refusal.into_error(folder).to_string();
        StoreError::io("opening the new store", io::Error::other(error))
    })
}

/// Takes over every row that reads, in the layout of the newest format.
fn gather(old: &sled::Db, found: &mut Found, fresh: &mut Fresh) -> Result<(), StoreError> {
    let format = caught(|| opening::format_of(old)).ok().flatten();
    let mut steps = migrate::rewrites_from(format.unwrap_or(layout::NEWEST));
    let mut rows = Gather::of(old);
    let (mut is_whole, mut n_entries) = (true, 0);
    let mut names: BTreeSet<Key> = BTreeSet::new();
    let mut sink = |row: Row| {
        names.extend(endpoint_of(&row.0).map(<[u8]>::to_vec));
        n_entries += u64::from(row.0.first() == Some(&(Space::Journal as u8)));
        for (key, value) in turned(&mut steps, row) {
            keep(&key, &value, found, fresh)?;
        }
        Ok::<_, StoreError>(())
    };
    for space in Space::Meta as u8..=Space::Heard as u8 {
        is_whole &= rows.space(space, &mut sink)?;
    }
    let ends = [
        found.head.map(|head| head.last),
        found.mark.map(|mark| mark.last),
    ];
    let last = ends.into_iter().flatten().max().unwrap_or_default();
    // A scan may also pass over what does not read without a word.
    if !is_whole || n_entries < last.0 {
        let cursors = names.into_iter().map(|name| {
            let mut key = vec![Space::Cursor as u8];
            key.extend(name);
            key
        });
        let cursors: Vec<Key> = cursors.collect();
        rows.points(cursors.into_iter(), &mut |row| {
            keep(&row.0, &row.1, found, fresh)
        })?;
        let places = (1..=last.0).map(|seq| keys::journal(Seq(seq)));
        rows.points(places, &mut |row| keep_entry(&row, fresh))?;
    }
    fresh.write()
}

/// Returns the name of the endpoint whose delivery a row tells of.
fn endpoint_of(key: &[u8]) -> Option<&[u8]> {
    let is_of_one = (Space::Parked as u8..=Space::Attempts as u8).contains(key.first()?);
    keys::endpoint_part(key).filter(|_| is_of_one)?.get(5..)
}

fn keep_entry((key, value): &Row, fresh: &mut Fresh) -> Result<(), StoreError> {
    match codec::verify(key, value) {
        Ok(_) => fresh.set(key.to_vec(), Some(value.to_vec())),
        Err(_) => Ok(()),
    }
}

/// Turns a row as migrations do; one that does not read is none.
fn turned(steps: &mut [Box<dyn Rewrite>], row: Row) -> Vec<Row> {
    if codec::verify(&row.0, &row.1).is_err() {
        return Vec::new();
    }
    let mut rows = vec![row];
    for step in steps {
        let mut next = Vec::new();
        for row in rows {
            // What it does not read stays out.
            drop(step.row(row, &mut next));
        }
        rows = next;
    }
    rows
}

/// Keeps a row, or notes what it says, if it is made anew.
fn keep(key: &[u8], value: &[u8], found: &mut Found, fresh: &mut Fresh) -> Result<(), StoreError> {
    let is = |space: Space| key.first() == Some(&(space as u8));
    if *key == *keys::format() {
        let format = codec::read_row::<Format>(key, value).ok();
        found.store = format.map(|format| format.store).or(found.store);
    } else if *key == *keys::head() {
        found.head = Head::read(key, value).ok().or(found.head);
    } else if is(Space::Census) {
        if let (Some(of), Ok(census)) = (
            keys::census_of(key),
            codec::read_row::<v1::Census>(key, value),
        ) {
            found.censuses.insert(of, census.count);
        }
    } else if is(Space::Bucket) || is(Space::Plan) || is(Space::PlanRow) || *key == *keys::usage() {
        // Fingerprints are made of the records; what a plan would change the next run finds again.
    } else {
        fresh.set(key.to_vec(), Some(value.to_vec()))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
