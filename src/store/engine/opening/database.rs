//! Opens and closes sled's files. It waits for both, but not for ever.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::Folder;
use crate::store::error::OpenError;

use super::refusal::{Refusal, io_at};

/// How long sled may take to release its files.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Closes the database without waiting for ever: after a failed write sled may wait for a buffer
/// that nobody will write. Everything acknowledged is already on disk.
pub fn close_db(db: Option<sled::Db>) {
    let (done, gone) = sync_channel(1);
    let closing = thread::Builder::new()
        .name("store-close".to_owned())
        .spawn(move || drop(done.send(catch_panic(|| drop(db)))));
    if let Err(refused) = closing {
        tracing::warn!(error = %refused, "No thread could be started to close the database");
    }
    match gone.recv_timeout(CLOSE_PATIENCE) {
        Ok(Err(message)) => {
            tracing::warn!(panic = message, "The database panicked while it was closed");
        }
        Err(RecvTimeoutError::Timeout) => {
            tracing::warn!("The database does not close; it ends with the process");
        }
        Ok(Ok(())) | Err(RecvTimeoutError::Disconnected) => {}
    }
}

/// Bytes of pages that sled caches. Below 32 MiB nothing is saved, above 64 MiB little is gained.
pub const CACHE: u64 = 48 * 1024 * 1024;

/// The same for a database that is written or read once, from beginning to end.
pub const SMALL_CACHE: u64 = 8 * 1024 * 1024;

/// How long to wait for a lock of sled, which releases it on a thread of its own, some time after
/// the last handle is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Opens sled's files in one of the store's folders, and retries while sled still releases its
/// lock.
pub fn open_db(folder: &Folder, at: &Path, cache: u64) -> Result<sled::Db, Refusal> {
    let config = sled::Config::new()
        .path(at)
        .cache_capacity(cache)
        // Not for durability, which is the writer's job: this thread also collects garbage.
        .flush_every_ms(Some(500));
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let source = match catch_panic(|| config.open()) {
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
            // sled also reports a version or a segment size that we never wrote in this way.
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

/// How long to wait between two looks at a file that was closed only a moment ago.
const FREE_PAUSE: Duration = Duration::from_millis(5);

/// Waits until nobody has the file of a database open.
pub fn wait_until_free(at: &Path) -> io::Result<()> {
    let file = File::open(at.join("db"))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(FREE_PAUSE);
            }
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(fs::TryLockError::Error(refused)) => return Err(refused),
        }
    }
}
