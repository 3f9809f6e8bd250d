//! Starts the copying of a database, watches it, and swaps the copy in.
//!
//! The copy is verified (`copying.rs`) before it replaces the database (`swap.rs`).

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::doing;
use crate::store::engine::files::Folder;
use crate::store::engine::opening::current;
use crate::store::engine::opening::database::{close_db, wait_until_free};
use crate::store::engine::opening::refusal::Refusal;
use crate::store::engine::opening::sound::Sound;
use crate::store::error::StoreError;
use crate::store::values::count::Count;

use super::copying::{Aim, CopyError, Copying};
use super::progress::Progress;

/// How long a copy may stand still: after a failed write sled may wait for ever, whatever we do to
/// wake it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often progress is reported.
const SAID_EVERY: Duration = Duration::from_secs(5);

/// Makes a copy and verifies it. Reports progress, and watches the thread that does the work, since
/// sled may wait for ever.
pub fn make(folder: &Folder, sound: &Sound, aim: Aim, doing: &str) -> Result<Count, CopyError> {
    let progress = Arc::new(Progress::default());
    let (done, outcome) = sync_channel(1);
    let copying = Copying {
        folder: folder.clone(),
        source: sound.clone(),
        aim,
        progress: Arc::clone(&progress),
    };
    let thread = thread::Builder::new()
        .name("store-copy".to_owned())
        .spawn(move || drop(done.send(copying.run())));
    thread.map_err(|error| CopyError::Copy(StoreError::io("starting a thread", error)))?;
    let (what, shown) = (doing.to_lowercase(), Arc::clone(&progress));
    let _doing = doing::telling(move || format!("{what}: {}", shown.now()));
    let (mut seen, mut since) = (progress.now(), Instant::now());
    loop {
        match outcome.recv_timeout(SAID_EVERY) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) => {
                let now = progress.now();
                if now != seen {
                    (seen, since) = (now, Instant::now());
                    tracing::info!("{doing}: {now}");
                } else if since.elapsed() >= PATIENCE {
                    return Err(CopyError::Stuck);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                let message = "the thread that copies ended".to_owned();
                return Err(CopyError::Copy(StoreError::panicked("copying", message)));
            }
        }
    }
}

/// Puts the copy in the place of the database and opens it there. If that fails, opens the former
/// database. The files of the database that is not used are left for later removal.
pub fn replace(folder: &Folder, sound: Sound) -> Result<Sound, Refusal> {
    close_db(Some(sound.db));
    let swapped = wait_until_free(&folder.current()).and_then(|()| folder.swap());
    if let Err(refused) = swapped {
        tracing::warn!(
            error = %refused,
            "The copy could not replace the store, which is used as before"
        );
        // Otherwise sled would create an empty database in the vacant place.
        current::clear_up(folder).map_err(Refusal::Error)?;
    }
    current::open_taken(folder)
}

/// Removes a copy that is not used; the next start removes what is left.
pub fn give_up(folder: &Folder) {
    if let Err(refused) = fs::remove_dir_all(folder.compacting())
        && refused.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(error = %refused, "A copy of the store that is not needed could not be removed");
    }
}

/// Returns the error for a copy that made no progress.
pub fn stuck() -> StoreError {
    StoreError::io("copying the store", io::ErrorKind::TimedOut.into())
}
