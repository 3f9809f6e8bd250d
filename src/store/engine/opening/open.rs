//! Opens the folder after removing everything that sled would trip over, or moves the store aside.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use crate::clock::Clock;
use crate::store::engine::files::swap::Leftover;
use crate::store::engine::files::{self, Folder};
use crate::store::engine::{migrate, salvage};
use crate::store::error::OpenError;

use super::current::{clear_up, open_current, open_left};
use super::lock::take_lock;
use super::refusal::{Refusal, io_at};
use super::starting::{self, Started};

/// Opens the store in a folder, or creates one there. A damaged store is moved aside, and the store
/// that opens contains what could still be read from it.
pub fn open(path: &Path, clock: &Clock) -> Result<Started, OpenError> {
    let folder = Folder::new(path);
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotAFolder {
            path: path.to_owned(),
        });
    }
    files::make_folder(path).map_err(io_at("making the folder", path))?;
    let lock = take_lock(&folder)?;
    let leftover = clear_up(&folder)?;
    let opened = open_left(&folder);
    let opened = opened.and_then(|sound| migrate::to_newest(&folder, sound));
    match opened {
        Ok(sound) => {
            let opened = starting::start(folder, clock, lock, sound, None)?;
            let was_stopped = &opened.engine.shared.was_stopped;
            was_stopped.store(leftover == Leftover::Compaction, Ordering::Relaxed);
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

/// Moves a damaged store aside, and replaces it by what could be read from it. Returns where the
/// damaged one is now.
fn salvage(folder: &Folder, clock: &Clock, damage: &str) -> Result<PathBuf, OpenError> {
    let refused = io_at("moving a damaged store aside from", &folder.current());
    folder.restore_untouched().map_err(&refused)?;
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
        format!("a new one continues with what could be read of it: {missing}")
    } else {
        folder.move_aside().map_err(&refused)?;
        "nothing of it could be read, and a new one was started".to_owned()
    };
    tracing::error!(
        damage,
        moved_to = %aside.display(),
        "The store was damaged and was moved aside; {outcome}"
    );
    Ok(aside)
}
