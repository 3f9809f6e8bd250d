//! Starts the threads that serve a database.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::clock::Clock;
use crate::model::Version;
use crate::store::engine::calls::Engine;
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::{self, Folder, pending};
use crate::store::engine::shared::Shared;
use crate::store::engine::writing::committer::{Committer, QUEUE};
use crate::store::engine::writing::live_size::LiveSize;
use crate::store::engine::writing::writer::Writer;
use crate::store::error::{OpenError, StoreError};

use super::refusal::io_at;
use super::sound::Sound;

/// A running engine.
pub struct Started {
    pub engine: Arc<Engine>,
    /// The new place of a damaged store that was found here; `None` if the store was sound.
    pub moved_aside: Option<PathBuf>,
}

/// Starts the threads that serve a database, and flushes its content to disk.
pub fn start(
    folder: Folder,
    clock: &Clock,
    lock: File,
    sound: Sound,
    moved_aside: Option<PathBuf>,
) -> Result<Started, OpenError> {
    let Sound {
        db,
        store,
        mut head,
        ..
    } = sound;
    // If this is an older copy that was restored, later entries are lost. Their versions must not
    // be used again.
    head.version = head.version.max(Version::at(clock.now()));
    let pending = folder.pending();
    let current = folder.current();
    let writer =
        Writer::new(&folder, store, head).map_err(io_at("opening the files in", &current))?;
    let path = folder.path().to_owned();
    let failed = |source| OpenError::Failed {
        path: path.clone(),
        source,
    };
    let no_thread = |error| failed(StoreError::io("starting a thread of the store", error));
    let live_size = catch_panic(|| LiveSize::of(&db, &head))
        .unwrap_or_else(|message| Err(StoreError::panicked("reading what lives here", message)));
    let shared = Arc::new(Shared::new(db, head.last, live_size.map_err(failed)?));
    let committer =
        Committer::start(folder.clone(), writer, Arc::clone(&shared)).map_err(no_thread)?;
    // What is read from here on must be on disk: a killed process may have left commits that were
    // applied but not synced.
    committer.sync(&shared).map_err(failed)?;
    // What the pending note describes is now on disk as well, or was never begun. If the note
    // stayed, and a power cut came before the next commit's note reached the disk, it could be
    // mistaken for that commit, which may have the same number but other content.
    pending::forget(&pending).map_err(io_at("clearing", &pending))?;
    files::hand_over(&folder.current()).map_err(io_at("giving their owner", &folder.current()))?;
    files::sync_folder(&folder.current()).map_err(io_at("syncing", &folder.current()))?;

    let (queue, jobs) = sync_channel(QUEUE);
    let engine = Arc::new(Engine::new(store, folder, lock, shared, queue));
    let shared = Arc::clone(&engine.shared);
    let thread = thread::Builder::new()
        .name("store-committer".to_owned())
        .spawn(move || committer.work(&jobs, &shared))
        .map_err(no_thread)?;
    engine.watch(thread);
    Ok(Started {
        engine,
        moved_aside,
    })
}
