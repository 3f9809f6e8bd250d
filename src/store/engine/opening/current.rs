//! Opens the current database. If it has replaced another and is not intact, the other one comes
//! back.

use std::fs;
use std::path::Path;

use crate::doing::counting;
use crate::store::check;
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::mark::{self, Mark};
use crate::store::engine::files::open_mark::{self, Left};
use crate::store::engine::files::pending::{self, Pending};
use crate::store::engine::files::swap::Leftover;
use crate::store::engine::files::{self, Folder};
use crate::store::engine::salvage::Before;
use crate::store::error::{OpenError, StoreError};
use crate::store::layout::Format;

use super::create;
use super::database::{CACHE, close_db, open_db};
use super::identify::{Look, identify, newer};
use super::refusal::{Refusal, io_at};
use super::sound::Sound;

/// Opens the database as the last process left it, and marks it as open. A copy of its files that
/// was taken while a process had it open is only used if all of it is consistent.
pub fn open_left(folder: &Folder) -> Result<Sound, Refusal> {
    let refused = |source| Refusal::Error(io_at("marking as open", folder.path())(source));
    if open_mark::look(folder).map_err(refused)? != Left::Copied {
        open_mark::set(folder).map_err(refused)?;
        return open_kept(folder);
    }
    tracing::warn!(
        store = %folder.path().display(),
        "These are copies of a store's files that were taken while a process had them open; \
         everything in them is checked first"
    );
    let torn = |what| {
        Refusal::Error(OpenError::TornCopy {
            path: folder.path().to_owned(),
            what,
        })
    };
    let sound = open_kept(folder).map_err(|refusal| match refusal {
        Refusal::Damaged(what) => torn(what),
        Refusal::Error(error) => Refusal::Error(error),
    })?;
    if let Err(StoreError::Damaged { what }) = is_whole(&sound.db, sound.format) {
        close_db(Some(sound.db));
        return Err(torn(what));
    }
    open_mark::set(folder).map_err(refused)?;
    Ok(sound)
}

/// Clears up after a process that was interrupted while it compacted the store.
pub fn clear_up(folder: &Folder) -> Result<Leftover, OpenError> {
    folder
        .clear_up()
        .map_err(io_at("clearing up in", folder.path()))
}

/// Opens the database. If it has replaced another and is not intact, the other one comes back.
pub fn open_kept(folder: &Folder) -> Result<Sound, Refusal> {
    let opened = open_taken(folder);
    folder.remove_retired();
    opened
}

/// Does the same, but leaves the files of the database that is given up for later removal.
pub fn open_taken(folder: &Folder) -> Result<Sound, Refusal> {
    let refused = |doing| {
        let at = io_at(doing, folder.path());
        move |source| Refusal::Error(at(source))
    };
    debug_assert!(
        folder.current().exists() || !folder.replaced().exists(),
        "what was replaced is put back first"
    );
    match open_current(folder) {
        Err(Refusal::Damaged(what)) if folder.replaced().exists() => {
            tracing::error!(
                damage = what,
                "The compacted copy of the store is damaged; the store is used as it was before"
            );
            folder
                .remove_untouched()
                .and_then(|()| folder.swap_back())
                .map_err(refused("taking back what was compacted in"))?;
            open_current(folder)
        }
        Ok(sound) => {
            folder
                .retire_replaced()
                .map_err(refused("giving up what was compacted in"))?;
            Ok(sound)
        }
        Err(refusal) => Err(refusal),
    }
}

pub fn open_current(folder: &Folder) -> Result<Sound, Refusal> {
    let current = folder.current();
    if let Ok(what) = fs::read_to_string(folder.damage_note()) {
        return Err(Refusal::Damaged(what));
    }
    let refused = |doing, path: &Path| {
        let at = io_at(doing, path);
        move |source| Refusal::Error(at(source))
    };
    if !current.exists() {
        files::make_folder(&current)
            .and_then(|()| files::give_as(&current, folder.path()))
            .map_err(refused("making the folder", &current))?;
    }
    folder
        .check_space()
        .map_err(refused("making sure of disk space in", &current))?;
    let removed = folder
        .remove_leftovers()
        .map_err(refused("tidying", &current))?;
    if removed > 0 {
        tracing::info!(
            removed,
            "Removed files that an earlier process had left half-written"
        );
    }
    let mark =
        mark::read(&folder.high_water()).map_err(refused("reading", &folder.high_water()))?;
    let pending =
        pending::read(&folder.pending()).map_err(refused("reading", &folder.pending()))?;
    let before = folder
        .keep_untouched()
        .map_err(refused("copying a log with a gap in", &current))?;
    let db = open_db(folder, &current, CACHE)?;
    folder.settle().map_err(refused("syncing", &current))?;
    let looked = catch_panic(|| {
        let looked = look(&db, mark, pending)?;
        match (before, &looked) {
            (Before::Gap, Look::Sound(format, _)) => is_whole(&db, format.version).map(|()| looked),
            (Before::Gap | Before::Whole, _) => Ok(looked),
        }
    });
    if let Ok(Ok(Look::Sound(..) | Look::Empty)) = looked {
        // From here on the database is written to, and there is no way back to its files as they
        // were.
        folder
            .remove_untouched()
            .map_err(refused("removing the copy of", &current))?;
    }
    match looked {
        Ok(Ok(Look::Sound(Format { version, store }, head))) => Ok(Sound {
            db,
            store,
            format: version,
            head,
        }),
        Ok(Ok(Look::Empty)) => create::create(folder, db),
        Ok(Ok(Look::Newer(found))) => Err(Refusal::Error(newer(folder, found))),
        Ok(Err(StoreError::Damaged { what })) => Err(Refusal::Damaged(what)),
        Ok(Err(source)) => Err(Refusal::Error(OpenError::Failed {
            path: folder.path().to_owned(),
            source,
        })),
        Err(message) => Err(Refusal::Damaged(format!(
            "reading it the database panicked: {message}"
        ))),
    }
}

/// Checks everything in a database. sled treats a gap in its log as the end, so rows may be missing
/// although the sample is intact.
fn is_whole(db: &sled::Db, format: u32) -> Result<(), StoreError> {
    let (_doing, looked) = counting("checking the store", "rows");
    let checked = check::whole(&check::View::alone(db, format), &|rows| looked.add(rows));
    match checked.faults.all().first() {
        Some(fault) => Err(StoreError::damaged(fault.to_string())),
        None => Ok(()),
    }
}

/// Checks whether the mark belongs to this database, and whether a sample of it is intact.
fn look(db: &sled::Db, mark: Option<Mark>, pending: Option<Pending>) -> Result<Look, StoreError> {
    let found = identify(db, mark, pending)?;
    if let Look::Sound(_, head) = &found {
        check::sample(db, head)?;
    }
    Ok(found)
}
