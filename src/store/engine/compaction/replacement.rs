//! Replaces the database in use by a copy: on the writer's thread, while commits wait, and at a
//! moment when nobody reads.
//!
//! Database and copy are closed before the folders are renamed: sled opens files by path. Then the
//! copy is opened as at a start, and everybody continues with it. If the copy cannot replace the
//! database, everybody continues with the former one (`swap.rs`).

use std::io;
use std::sync::RwLockWriteGuard;
use std::thread;
use std::time::{Duration, Instant};

use crate::lock::{lock, try_write};
use crate::model::StoreId;
use crate::store::engine::files::mark::{Mark, MarkFile};
use crate::store::engine::files::{self, Folder};
use crate::store::engine::opening::identify;
use crate::store::engine::opening::sound::Sound;
use crate::store::engine::shared::Shared;
use crate::store::engine::writing::live_size::LiveSize;
use crate::store::error::StoreError;
use crate::store::layout::{self, codec, keys, v1};
use crate::store::values::count::Usage;
use crate::store::values::head::Head;

use super::copy::{Copy, Last};
use super::copying::{self, CopyError};
use super::ready_copy::{Outcome, Replacement};
use super::remake;

/// How long to wait for a moment when nobody reads. Commits wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_micros(200);

/// What the writer knows of the database that is replaced.
pub struct Standing<'a> {
    pub folder: &'a Folder,
    pub store: StoreId,
    pub head: &'a Head,
}

/// Puts a copy in the place of the database. Everything that was committed must be on disk already.
/// `reopen` makes the writer use the files that are there afterwards. After an error nothing may
/// continue.
pub fn carry_out(
    replacement: Replacement,
    standing: &Standing<'_>,
    shared: &Shared,
    reopen: impl FnOnce(&Folder) -> io::Result<()>,
) -> Result<(), StoreError> {
    let Replacement { copy, told } = replacement;
    let outcome = replace(copy, standing, shared, reopen)?;
    // If the copy was abandoned, nobody waits for the outcome, and we are done anyway.
    drop(told.send(outcome));
    Ok(())
}

fn replace(
    mut copy: Copy,
    standing: &Standing<'_>,
    shared: &Shared,
    reopen: impl FnOnce(&Folder) -> io::Result<()>,
) -> Result<Outcome, StoreError> {
    match catch_up(&mut copy, standing, shared) {
        Ok(true) => {}
        Ok(false) => return Ok(Outcome::Later(Box::new(copy))),
        Err(CopyError::Source(error)) => return Err(error),
        Err(error) => return Ok(Outcome::NotTaken(error)),
    }
    let Some(mut place) = alone(shared) else {
        return Ok(Outcome::Later(Box::new(copy)));
    };
    shared.check()?;
    let count = copy.count();
    if let Err(error) = copy.close() {
        return Ok(Outcome::NotTaken(error));
    }
    let db = place.take().ok_or(StoreError::Closed)?;
    let sound = Sound {
        format: identify::format_of(&db).unwrap_or(layout::NEWEST),
        db,
        store: standing.store,
        head: *standing.head,
    };
    let folder = standing.folder;
    let before = folder.database_id();
    let sound = remake::replace(folder, sound)
        .map_err(|refusal| reopening(io::Error::other(refusal.into_error(folder).to_string())))?;
    let is_as_far =
        |head: &Head| (head.commits, head.last) == (standing.head.commits, standing.head.last);
    if !is_as_far(&sound.head) || sound.store != standing.store {
        return Err(reopening(io::Error::other("it is behind the last commit")));
    }
    reopen(folder).map_err(reopening)?;
    *place = Some(sound.db);
    if before.is_some() && folder.database_id() == before {
        return Ok(Outcome::NotTaken(CopyError::Copy(StoreError::io(
            "putting the copy in its place",
            io::Error::other(
                "it could not be put there, or was incomplete there; the log says why",
            ),
        ))));
    }
    *lock(&shared.live_size) = LiveSize::Known(count);
    Ok(Outcome::Done(count))
}

/// Brings the copy up to date with the database, and flushes it to disk. Returns false if too much
/// is left to copy; the caller then tries again later.
fn catch_up(copy: &mut Copy, standing: &Standing<'_>, shared: &Shared) -> Result<bool, CopyError> {
    let db = shared.database().map_err(CopyError::Source)?;
    {
        let mut changes = lock(&shared.changes);
        // The copy was abandoned meanwhile.
        let changes = changes.as_mut().ok_or(CopyError::Stuck)?;
        if !copy.catch_up_last(Last { changes, db: &db })? {
            return Ok(false);
        }
    }
    let (count, commits) = (copy.count(), standing.head.commits);
    if let LiveSize::Known(sum) = &*lock(&shared.live_size) {
        debug_assert_eq!(*sum, count, "what lives here is added up");
    }
    copy.note(codec::put(
        keys::usage(),
        &v1::Usage::from(Usage { count, commits }),
    ))?;
    copy.sync()?;
    let mark = Mark {
        store: standing.store,
        commits,
        last: standing.head.last,
    };
    MarkFile::open(&copy.at.join("high-water"))
        .and_then(|mut file| file.keep(mark))
        .and_then(|()| files::sync_folder(&copy.at))
        .map_err(copying::copy("keeping the mark of the copy"))?;
    Ok(true)
}

/// Waits a moment until nobody reads. Does not block new reads: a reader may need a second read
/// before it ends the first.
fn alone(shared: &Shared) -> Option<RwLockWriteGuard<'_, Option<sled::Db>>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_write(&shared.db) {
            Some(place) => return Some(place),
            None if Instant::now() < deadline => thread::sleep(PAUSE),
            None => return None,
        }
    }
}

fn reopening(error: io::Error) -> StoreError {
    StoreError::io("opening the store after it was compacted", error)
}

impl Folder {
    /// Returns what distinguishes the database's folder from one that replaces it.
    fn database_id(&self) -> Option<u64> {
        #[cfg(unix)]
        return std::fs::metadata(self.current())
            .ok()
            .map(|found| std::os::unix::fs::MetadataExt::ino(&found));
        #[cfg(not(unix))]
        None
    }
}
