//! Takes the store's own lock, which keeps every other process out of the folder.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant};

use crate::doing::doing;
use crate::store::engine::files::{self, Folder};
use crate::store::error::OpenError;

use super::refusal::io_at;

/// How long to wait for our lock: a process that ends releases it a moment later, and a child that
/// it had just started keeps a copy of it until the child's program runs. A process that has the
/// lock for longer will keep it.
const OWN_LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Takes the lock.
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
