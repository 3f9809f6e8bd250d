//! The one thread that writes to the database: applies a group of commits and syncs once for all of
//! them.
//!
//! `flush` of sled 0.34.7 hands the log to the kernel and does not sync it: in simulated power cuts
//! 17 of 20 stores lost what had been acknowledged, most of them completely. So after it we sync
//! the file through a handle of our own, and only then answer.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::lock::{self, lock};
use crate::model::{Seq, StoreId};
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::compaction::replacement::{self, Standing};
use crate::store::engine::files::mark::{Mark, MarkFile};
use crate::store::engine::files::pending::{self, Pending, PendingFile};
use crate::store::engine::files::{self, Blobs, Folder};
use crate::store::engine::garbage::collect_garbage;
use crate::store::engine::rows::compose::{self, Composed};
use crate::store::engine::rows::cut;
use crate::store::engine::shared::Shared;
use crate::store::error::StoreError;
use crate::store::values::commit::Committed;
use crate::store::values::head::Head;

use super::postings::Folding;
use super::spare::Spare;
use super::work::{CommitResult, Work};

/// Operations after which the garbage of sled's pages is collected explicitly: some megabytes, if
/// they write blocks.
const COLLECT_AFTER: usize = 1_000;

/// The outcome of a group.
pub struct Written {
    /// One for each commit, in order; fewer after a fatal error.
    pub answers: Vec<CommitResult>,
    /// The journal's last entry, which is now on disk; or why nothing may continue.
    pub outcome: Result<Seq, StoreError>,
}

/// The state of the writing thread.
pub struct Writer {
    pub folder: Folder,
    pub store: StoreId,
    pub head: Head,
    files: Files,
    garbage: usize,
    folding: Folding,
}

/// The files that the writer opens besides sled's own handles.
struct Files {
    /// Our own handle on the file that sled writes to; its lock belongs to sled's handle.
    log: File,
    blobs: Blobs,
    spare: Spare,
    pending: PendingFile,
    mark: MarkFile,
}

impl Files {
    fn open(folder: &Folder) -> io::Result<Self> {
        let log = File::open(folder.db())?;
        Ok(Self {
            spare: Spare::new(&log)?,
            log,
            blobs: Blobs::new(folder.blobs()),
            pending: PendingFile::open(&folder.pending())?,
            mark: MarkFile::open(&folder.high_water())?,
        })
    }
}

impl Writer {
    /// Prepares to write to the store in a folder.
    pub fn new(folder: &Folder, store: StoreId, head: Head) -> io::Result<Self> {
        Ok(Self {
            files: Files::open(folder)?,
            folder: folder.clone(),
            store,
            head,
            garbage: 0,
            folding: Folding::default(),
        })
    }

    /// Writes group after group until none can come any more, or a fatal error occurs.
    pub fn work(
        mut self,
        shared: &Shared,
        groups: &Receiver<Vec<Work>>,
        written: &SyncSender<Written>,
    ) {
        while let Ok(group) = groups.recv() {
            let mut answers = Vec::with_capacity(group.len());
            let outcome = self
                .write(group, shared, &mut answers)
                .map(|()| self.head.last);
            let is_over = outcome.is_err();
            let told = written.send(Written { answers, outcome });
            if is_over || told.is_err() {
                return;
            }
        }
        if let Err(refused) = self.files.pending.clear() {
            tracing::warn!(error = %refused, "The note of the last commit could not be cleared at the close");
        }
        if let Err(refused) = self.files.mark.sync() {
            tracing::warn!(error = %refused, "The high-water mark could not be synced at the close");
        }
    }

    fn write(
        &mut self,
        group: Vec<Work>,
        shared: &Shared,
        answers: &mut Vec<CommitResult>,
    ) -> Result<(), StoreError> {
        for work in group {
            let answer = guarded("writing a commit", || self.apply(work, shared));
            match answer {
                Err(fatal) if fatal.is_fatal() => return Err(fatal),
                Ok(_) | Err(_) => answers.push(answer),
            }
            guarded("writing posting lists", || self.fold(shared))?;
        }
        guarded("syncing the store", || self.sync(&shared.database()?))?;
        self.collect();
        Ok(())
    }

    fn apply(&mut self, work: Work, shared: &Shared) -> CommitResult {
        let db = shared.database()?;
        let composed = match work {
            Work::Commit(prepared) => compose::commit(&db, &self.head, prepared)?,
            Work::Rows { rows, fact } => compose::rows(&self.head, rows, fact),
            Work::Cut(upto) => cut::cut(&db, &self.head, upto)?,
            Work::Forget(seqs) => cut::forget(&db, &self.head, seqs)?,
            Work::BuildPostings(no) => match self.folding.build(&db, &self.head, no)? {
                Some(composed) => composed,
                None => return Ok(self.committed()),
            },
            Work::Nothing => return Ok(self.committed()),
            Work::Replace(replacement) => {
                self.sync(&db)?;
                drop(db);
                let standing = Standing {
                    folder: &self.folder,
                    store: self.store,
                    head: &self.head,
                };
                let files = &mut self.files;
                replacement::carry_out(*replacement, &standing, shared, |folder| {
                    *files = Files::open(folder)?;
                    files::hand_over(&folder.current())?;
                    files::sync_folder(&folder.current())
                })?;
                return Ok(self.committed());
            }
        };
        self.put(&db, composed, shared)?;
        Ok(self.committed())
    }

    /// Moves logged changes into the posting lists, once there are enough of them.
    fn fold(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let db = shared.database()?;
        while let Some(mut fold) = self.folding.due(&db)? {
            while let Some(composed) = fold.step(&db, &self.head)? {
                self.put(&db, composed, shared)?;
            }
        }
        Ok(())
    }

    /// Applies a batch, without syncing it.
    fn put(
        &mut self,
        db: &sled::Db,
        mut composed: Composed,
        shared: &Shared,
    ) -> Result<(), StoreError> {
        self.folding.note(&composed.rows);
        let delta = {
            let live_size = lock(&shared.live_size);
            let delta = live_size.look(db, &composed.rows)?;
            live_size.put(&delta, &composed.head, &mut composed.rows);
            delta
        };
        self.garbage += composed.rows.len();
        let pending = Pending {
            store: self.store,
            commits: composed.head.commits,
            rows: composed.rows,
        };
        self.files
            .pending
            .note(&pending)
            .map_err(|error| StoreError::io("noting a commit", error))?;
        // This comes before the gate is locked, so that readers need not wait for it.
        self.files
            .spare
            .keep()
            .map_err(|error| StoreError::io("waiting for a descriptor", error))?;
        let gate = lock::write(&shared.gate);
        let batch = pending::batch(&pending.rows);
        let applied = self.files.spare.give(|| db.apply_batch(batch));
        let applied = applied.map_err(|error| StoreError::io("waiting for a descriptor", error))?;
        if let Err(error) = applied {
            // A part of the batch may be in the database, and sled may sync it at any time.
            drop(self.files.pending.sync());
            return Err(StoreError::sled("writing a commit", error));
        }
        lock(&shared.live_size).take(delta);
        if let Some(changes) = &mut *lock(&shared.changes) {
            changes.note(&pending.rows);
        }
        drop(gate);
        self.head = composed.head;
        Ok(())
    }

    fn committed(&self) -> Committed {
        Committed {
            last: self.head.last,
        }
    }

    /// Flushes everything that was applied to disk.
    fn sync(&mut self, db: &sled::Db) -> Result<(), StoreError> {
        db.flush()
            .map_err(|error| StoreError::sled("flushing the store", error))?;
        let Files { spare, blobs, .. } = &mut self.files;
        spare
            .lend(|| blobs.sync())
            .map_err(|error| StoreError::io("syncing large values", error))?;
        self.files
            .log
            .sync_data()
            .map_err(|error| StoreError::io("syncing the store", error))?;
        let mark = Mark {
            store: self.store,
            commits: self.head.commits,
            last: self.head.last,
        };
        self.files
            .mark
            .keep(mark)
            .map_err(|error| StoreError::io("keeping the high-water mark", error))
    }

    /// Frees pages that were replaced. The epoch collector, which we share with sled, would do it,
    /// but falls behind under bulk work.
    fn collect(&mut self) {
        if self.garbage < COLLECT_AFTER {
            return;
        }
        self.garbage = 0;
        collect_garbage();
    }
}

fn guarded<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // A full disk causes the same panics as damage, so a panic here does not mark the store as
    // damaged; the next opening finds out what is wrong.
    catch_panic(work).unwrap_or_else(|message| Err(StoreError::panicked(doing, message)))
}
