//! Makes a new store of an empty database, and starts the threads that work one.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::clock::Clock;
use crate::model::{Seq, StoreId, Timestamp, Version};
use crate::store::engine::caught::caught;
use crate::store::engine::files::{self, Folder, pending};
use crate::store::engine::inner::{Inner, Shared};
use crate::store::engine::rows::compose::Head;
use crate::store::engine::writing::committer::{Committer, QUEUE};
use crate::store::engine::writing::tally::Tally;
use crate::store::engine::writing::writer::Writer;
use crate::store::error::{OpenError, StoreError};
use crate::store::handle::{Opened, Store};
use crate::store::layout::{self, Format, codec, keys, v3};

use super::{Refusal, Sound, io_at};

/// Draws the id of a new store.
pub fn draw_id() -> Result<StoreId, StoreError> {
    let mut store = StoreId([0; 8]);
    getrandom::fill(&mut store.0).map_err(|error| {
        let error = io::Error::other(error.to_string());
        StoreError::io("drawing an id", error)
    })?;
    Ok(store)
}

/// Makes a new store of a database with nothing in it.
pub fn create(folder: &Folder, db: sled::Db) -> Result<Sound, Refusal> {
    let failed = |source| {
        Refusal::Error(OpenError::Failed {
            path: folder.path().to_owned(),
            source,
        })
    };
    let store = draw_id().map_err(failed)?;
    let head = Head {
        commits: 1,
        last: Seq::START,
        at: Timestamp::from_millis(0),
        version: Version::START,
    };
    let mut batch = sled::Batch::default();
    let rows = [
        codec::put(
            keys::format(),
            &Format {
                version: layout::NEWEST,
                store,
            },
        ),
        codec::put(keys::head(), &v3::Head::from(head)),
    ];
    for (key, value) in rows {
        batch.insert(key, value.unwrap_or_default());
    }
    // Synced before anyone learns of it, when the store starts.
    db.apply_batch(batch)
        .map_err(|error| failed(StoreError::sled("creating", error)))?;
    Ok(Sound {
        db,
        store,
        format: layout::NEWEST,
        head,
    })
}

/// Starts the threads that work a database, and brings to disk what it holds.
pub fn start(
    folder: Folder,
    clock: &Clock,
    lock: File,
    sound: Sound,
    moved_aside: Option<PathBuf>,
) -> Result<Opened, OpenError> {
    let Sound {
        db,
        store,
        mut head,
        ..
    } = sound;
    // What was written before may be gone, if this is an older copy that was put in its place.
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
    let tally = caught(|| Tally::of(&db, &head))
        .unwrap_or_else(|message| Err(StoreError::panicked("reading what lives here", message)));
    let shared = Arc::new(Shared::new(db, head.last, tally.map_err(failed)?));
    let committer =
        Committer::start(folder.clone(), writer, Arc::clone(&shared)).map_err(no_thread)?;
    // What is read from here on must be on disk: a process that was killed may have left
    // commits that were applied and not synced.
    committer.sync(&shared).map_err(failed)?;
    // So is what the note tells of, or it was never begun. Left there it could be taken for the
    // next commit, which has the same number and is another, if that one's note does not
    // reach the disk before a power cut.
    pending::forget(&pending).map_err(io_at("clearing", &pending))?;
    files::hand_over(&folder.current()).map_err(io_at("giving their owner", &folder.current()))?;
    files::sync_folder(&folder.current()).map_err(io_at("syncing", &folder.current()))?;

    let (queue, jobs) = sync_channel(QUEUE);
    let inner = Arc::new(Inner::new(store, folder, lock, shared, queue));
    let shared = Arc::clone(&inner.shared);
    let thread = thread::Builder::new()
        .name("store-committer".to_owned())
        .spawn(move || committer.work(&jobs, &shared))
        .map_err(no_thread)?;
    inner.watch(thread);
    Ok(Opened {
        store: Store { inner },
        moved_aside,
    })
}
