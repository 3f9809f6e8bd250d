//! Makes sled check again what it waits for.
//!
//! When a write fails, sled 0.34.7 sometimes forgets to wake the threads that wait for it, or
//! leaves a buffer behind that can never be written: then a flush waits for ever. A second flush
//! that finds the failed write wakes those threads.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::catch_panic::catch_panic;

/// How many seconds to wait for the database before each nudge: two minutes altogether. Disks do
/// stall, but not for that long.
pub const PATIENCE: [u64; 7] = [1, 2, 4, 8, 15, 30, 60];

/// Makes sled check again. A nudge that finds no failed write waits like any other flush, so it
/// runs on a thread of its own.
pub fn nudge(db: &sled::Db) {
    let db = db.clone();
    let nudging = thread::Builder::new()
        .name("store-nudge".to_owned())
        .spawn(move || drop(catch_panic(|| db.flush())));
    if let Err(refused) = nudging {
        tracing::warn!(error = %refused, "The database is taking long, and no thread can be \
                                          started to find out why");
    }
}

/// Nudges the database for as long as some work takes. The work may still never end.
pub fn nudged<T>(db: &sled::Db, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, is_done) = sync_channel::<()>(0);
        let nudging = thread::Builder::new().spawn_scoped(scope, move || {
            for seconds in PATIENCE {
                let waited = is_done.recv_timeout(Duration::from_secs(seconds));
                match waited {
                    Err(RecvTimeoutError::Timeout) => nudge(db),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        if let Err(refused) = nudging {
            tracing::warn!(error = %refused, "No thread can be started to watch over the database");
        }
        let outcome = work();
        drop(done);
        outcome
    })
}
