//! Opens the folder past everything that sled would trip over there, or moves it aside.

pub mod starting;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::doing::{counting, doing};
use crate::model::StoreId;
use crate::store::check;
use crate::store::error::{OpenError, StoreError};
use crate::store::handle::Opened;
use crate::store::layout::{self, Format, codec, keys};

use super::caught::caught;
use super::files::mark::{self, Mark};
use super::files::open_mark::{self, Left};
use super::files::pending::{self, Pending};
use super::files::swap::Attempt;
use super::files::{self, Folder};
use super::inner::let_go;
use super::rows::compose::Head;
use super::salvage::{self, Before};
use super::{migrate, scan};

/// Bytes of pages that sled keeps. Below 32 MiB nothing is saved, above 64 little is won.
const CACHE: u64 = 48 * 1024 * 1024;

/// The same of a database that is written or read once, from its beginning to its end.
pub const SMALL_CACHE: u64 = 8 * 1024 * 1024;

/// sled releases its file on a thread of its own, some time after the last handle.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// A process that ends releases our lock a moment later, and a program that it had just
/// started holds a copy until it is under way. Whoever still has it then is there to stay.
const OWN_LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why a folder did not open.
pub enum Refusal {
    Error(OpenError),
    Damaged(String),
}

impl Refusal {
    /// Makes an error of it, for who does not move a damaged store aside.
    pub fn into_error(self, folder: &Folder) -> OpenError {
        match self {
            Self::Error(error) => error,
            Self::Damaged(what) => OpenError::Failed {
                path: folder.path().to_owned(),
                source: StoreError::Damaged { what },
            },
        }
    }
}

/// A database that holds what it was last said to hold.
#[derive(Clone)]
pub struct Sound {
    pub db: sled::Db,
    pub store: StoreId,
    pub format: u32,
    pub head: Head,
}

/// See [`Store::open`].
pub fn open(path: &Path) -> Result<Opened, OpenError> {
    open_by(path, &Clock::system())
}

/// The same by a clock.
pub fn open_by(path: &Path, clock: &Clock) -> Result<Opened, OpenError> {
    let folder = Folder::new(path);
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotAFolder {
            path: path.to_owned(),
        });
    }
    files::make_folder(path).map_err(io_at("making the folder", path))?;
    let lock = take_lock(&folder)?;
    let attempt = clear_up(&folder)?;
    let opened = open_left(&folder);
    let opened = opened.and_then(|sound| migrate::to_newest(&folder, sound));
    match opened {
        Ok(sound) => {
            let opened = starting::start(folder, clock, lock, sound, None)?;
            let was_stopped = &opened.store.inner.shared.was_stopped;
            was_stopped.store(attempt == Attempt::BrokenOff, Ordering::Relaxed);
            Ok(opened)
        }
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::Damaged(what)) => {
            let aside = salvage(&folder, clock, &what)?;
            match open_current(&folder) {
                Ok(sound) => starting::start(folder, clock, lock, sound, Some(aside)),
                Err(refusal) => Err(refusal.into_error(&folder)),
            }
        }
    }
}

/// Moves a damaged store aside, and puts in its place what could be read out of it. Returns where
/// it is now.
fn salvage(folder: &Folder, clock: &Clock, damage: &str) -> Result<PathBuf, OpenError> {
    let refused = io_at("moving a damaged store aside from", &folder.current());
    folder.go_back_to_untouched().map_err(&refused)?;
    let moved_to = folder.next_aside().map_err(&refused)?;
    let cause = salvage::Cause {
        damage,
        moved_to: &moved_to,
        clock,
    };
    let missing = salvage::make(folder, &cause)?;
    let aside = folder.path().join(moved_to);
    let outcome = if let Some(missing) = missing {
        folder.take_salvaged().map_err(&refused)?;
        format!("a new one goes on with what reads of it: {missing}")
    } else {
        folder.move_aside().map_err(&refused)?;
        "nothing of it could be read, and a new one begins".to_owned()
    };
    tracing::error!(
        damage,
        moved_to = %aside.display(),
        "The store was damaged and was moved aside; {outcome}"
    );
    Ok(aside)
}

/// Opens the database as the last process left it, and marks it as open. The copy of one that was
/// open is only worked with if all of it fits together.
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
        let_go(Some(sound.db));
        return Err(torn(what));
    }
    open_mark::set(folder).map_err(refused)?;
    Ok(sound)
}

/// Clears up what a process left that was stopped while it compacted the store.
pub fn clear_up(folder: &Folder) -> Result<Attempt, OpenError> {
    folder
        .clear_up()
        .map_err(io_at("clearing up in", folder.path()))
}

/// Opens the database. One that has taken another's place, and is not whole, gives it back.
pub fn open_kept(folder: &Folder) -> Result<Sound, Refusal> {
    let opened = open_taken(folder);
    folder.remove_retired();
    opened
}

/// The same, but that the files of the one that is given up are left to be removed.
pub fn open_taken(folder: &Folder) -> Result<Sound, Refusal> {
    let refused = |doing| {
        let at = io_at(doing, folder.path());
        move |source| Refusal::Error(at(source))
    };
    debug_assert!(
        folder.current().exists() || !folder.replaced().exists(),
        "what was replaced goes back first"
    );
    match open_current(folder) {
        Err(Refusal::Damaged(what)) if folder.replaced().exists() => {
            tracing::error!(
                damage = what,
                "The compacted copy of the store is damaged; the store is used as it was before"
            );
            folder
                .give_up_untouched()
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

pub fn take_lock(folder: &Folder) -> Result<File, OpenError> {
    let path = folder.lock();
    let file = files::open_file(&path).map_err(io_at("opening", &path))?;
    files::give_as(&path, folder.path()).map_err(io_at("giving its owner", &path))?;
    let deadline = Instant::now() + OWN_LOCK_PATIENCE;
    let _doing = doing("waiting for another process to close the store");
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(OpenError::Locked {
                    path: folder.path().to_owned(),
                });
            }
            Err(fs::TryLockError::Error(source)) => return Err(io_at("locking", &path)(source)),
        }
    }
}

fn open_current(folder: &Folder) -> Result<Sound, Refusal> {
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
        .check_room()
        .map_err(refused("making sure of room in", &current))?;
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
    let looked = caught(|| {
        let looked = look(&db, mark, pending)?;
        match (before, &looked) {
            (Before::Gap, Look::Sound(format, _)) => is_whole(&db, format.version).map(|()| looked),
            (Before::Gap | Before::Whole, _) => Ok(looked),
        }
    });
    if let Ok(Ok(Look::Sound(..) | Look::Empty)) = looked {
        // From here on it is written to, and nothing may go back to what was before.
        folder
            .give_up_untouched()
            .map_err(refused("removing the copy of", &current))?;
    }
    match looked {
        Ok(Ok(Look::Sound(Format { version, store }, head))) => Ok(Sound {
            db,
            store,
            format: version,
            head,
        }),
        Ok(Ok(Look::Empty)) => starting::create(folder, db),
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

/// Checks everything in a database. sled goes on behind a gap in its log as if that were the end, so that
/// what is read later on may be missing although what was looked at is there.
fn is_whole(db: &sled::Db, format: u32) -> Result<(), StoreError> {
    let (_doing, looked) = counting("checking the store", "rows");
    let checked = check::whole(&check::View::alone(db, format), &|rows| looked.add(rows));
    match checked.faults.all().first() {
        Some(fault) => Err(StoreError::damaged(fault.to_string())),
        None => Ok(()),
    }
}

/// Opens sled's files in a folder of the store's, patient with a lock that is about to go.
pub fn open_db(folder: &Folder, at: &Path, cache: u64) -> Result<sled::Db, Refusal> {
    let config = sled::Config::new()
        .path(at)
        .cache_capacity(cache)
        // Not for durability, that is the committer's: this thread also collects garbage.
        .flush_every_ms(Some(500));
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let source = match caught(|| config.open()) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(source)) => source,
            Err(message) => {
                return Err(Refusal::Damaged(format!("opening it panicked: {message}")));
            }
        };
        let is_locked = matches!(&source, sled::Error::Io(error)
            if error.to_string().contains("could not acquire lock"));
        if is_locked && Instant::now() < deadline {
            thread::sleep(LOCK_PAUSE);
            continue;
        }
        return Err(match source {
            sled::Error::Io(_) if is_locked => Refusal::Error(OpenError::Locked {
                path: folder.path().to_owned(),
            }),
            sled::Error::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Refusal::Error(io_at("opening the database in", at)(error))
            }
            // Also a version or a size of segments that we never wrote.
            sled::Error::Io(_)
            | sled::Error::Unsupported(_)
            | sled::Error::CollectionNotFound(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. } => {
                Refusal::Damaged("the database does not read its own files".to_owned())
            }
        });
    }
}

/// What a database is found to be.
pub enum Look {
    Empty,
    Newer(u32),
    Sound(Format, Head),
}

/// Looks whether the database is the one that the mark tells of, and whether a sample of it is
/// whole.
fn look(db: &sled::Db, mark: Option<Mark>, pending: Option<Pending>) -> Result<Look, StoreError> {
    let found = identify(db, mark, pending)?;
    if let Look::Sound(_, head) = &found {
        check::sample(db, head)?;
    }
    Ok(found)
}

/// Looks whether the database is the one that the mark tells of, and finishes what was under way.
pub fn identify(
    db: &sled::Db,
    mark: Option<Mark>,
    pending: Option<Pending>,
) -> Result<Look, StoreError> {
    let key = keys::format();
    let Some(value) = scan::get(db, &key)? else {
        let rows = scan::prefix(db, &[]).next().transpose()?;
        return if mark.is_none() && rows.is_none() {
            Ok(Look::Empty)
        } else {
            Err(StoreError::damaged(
                "everything that was acknowledged is missing",
            ))
        };
    };
    let format: Format = codec::read_row(&key, &value)?;
    if format.version > layout::NEWEST {
        return Ok(Look::Newer(format.version));
    }
    let mut head = read_head(db)?;
    // Half of it may be there, with or without the row that counts it. An older one is all
    // there; one that is newer by more than one was lost with the one before it.
    let pending = pending.filter(|pending| {
        let is_last = pending.commits == head.commits || pending.commits == head.commits + 1;
        pending.store == format.store && is_last
    });
    if let Some(pending) = pending
        && pending::finish(db, &pending)?
    {
        tracing::info!("Finished a commit of which an earlier process had written a part");
        head = read_head(db)?;
    }
    match mark {
        Some(mark) if mark.store != format.store => {
            return Err(StoreError::damaged("its files are of two stores"));
        }
        Some(mark) if mark.commits > head.commits || mark.last > head.last => {
            return Err(StoreError::damaged(format!(
                "{} of {} acknowledged writes are missing",
                mark.commits.saturating_sub(head.commits),
                mark.commits
            )));
        }
        Some(_) | None => {}
    }
    Ok(Look::Sound(format, head))
}

/// Says that a store is of a newer format than this version reads.
pub fn newer(folder: &Folder, found: u32) -> OpenError {
    OpenError::Newer {
        path: folder.path().to_owned(),
        found,
        known: layout::NEWEST,
    }
}

/// Returns the format of a store, if that can be read.
pub fn format_of(db: &sled::Db) -> Option<u32> {
    let key = keys::format();
    let value = scan::get(db, &key).ok()??;
    codec::read_row::<Format>(&key, &value)
        .ok()
        .map(|format| format.version)
}

fn read_head(db: &sled::Db) -> Result<Head, StoreError> {
    let key = keys::head();
    match scan::get(db, &key)? {
        Some(value) => Head::read(&key, &value),
        None => Err(codec::flawed(&key, "missing")),
    }
}

/// Says what was tried with which file or folder.
pub fn io_at(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io {
        doing,
        path: path.clone(),
        source,
    }
}
