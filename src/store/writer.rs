//! The one thread that works the database: applies a group of commits and syncs once for all
//! of it.
//!
//! `flush` of sled 0.34.7 hands the log to the kernel and does not sync it: in simulated
//! power cuts 17 of 20 stores lost what had been acknowledged, most of them for good. So
//! after it we sync the file through a handle of our own, and only then answer.

use std::fs::File;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::model::{Seq, StoreId};

use super::caught::caught;
use super::commit::Committed;
use super::committer::{Answer, Work};
use super::compose::{self, Head};
use super::cut;
use super::error::StoreError;
use super::files::Blobs;
use super::inner::Shared;
use super::mark::{Mark, MarkFile};
use super::pending::{self, Pending, PendingFile};
use super::spare::Spare;

/// Operations after which the garbage of sled's pages is collected by hand: some megabytes,
/// where they are blocks.
const COLLECT_AFTER: usize = 1_000;

/// How often the collector is asked then: each time it takes eight bags of 64.
const COLLECTIONS: usize = 40;

/// What became of a group.
pub struct Written {
    /// One for each commit, in order; fewer after a fatal error.
    pub answers: Vec<Answer>,
    /// The journal's last entry, which is on disk now; or why nothing goes on.
    pub outcome: Result<Seq, StoreError>,
}

/// The writing thread's own.
pub struct Writer {
    pub db: sled::Db,
    /// Our own handle on the file that sled writes to; its lock belongs to sled's handle.
    pub file: File,
    pub blobs: Blobs,
    pub spare: Spare,
    pub pending: PendingFile,
    pub mark: MarkFile,
    pub store: StoreId,
    pub head: Head,
    pub garbage: usize,
}

impl Writer {
    /// Writes group after group until none can come any more, or a fatal error.
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
        if let Err(refused) = self.pending.clear() {
            tracing::warn!(error = %refused, "The note of the last commit could not be cleared at the close");
        }
        if let Err(refused) = self.mark.sync() {
            tracing::warn!(error = %refused, "The high-water mark could not be synced at the close");
        }
    }

    fn write(
        &mut self,
        group: Vec<Work>,
        shared: &Shared,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StoreError> {
        for work in group {
            let answer = guarded("writing a commit", || self.apply(work, shared));
            match answer {
                Err(fatal) if fatal.is_fatal() => return Err(fatal),
                Ok(_) | Err(_) => answers.push(answer),
            }
        }
        guarded("syncing the store", || self.sync())?;
        self.collect();
        Ok(())
    }

    fn apply(&mut self, work: Work, shared: &Shared) -> Answer {
        let composed = match work {
            Work::Commit(prepared) => compose::commit(&self.db, &self.head, prepared)?,
            Work::Rows { rows, told } => compose::rows(&self.head, rows, told),
            Work::Cut(upto) => cut::cut(&self.db, &self.head, upto)?,
            Work::Forget(seqs) => cut::forget(&self.db, &self.head, seqs)?,
        };
        self.garbage += composed.rows.len();
        let pending = Pending {
            store: self.store,
            commits: composed.head.commits,
            rows: composed.rows,
        };
        self.pending
            .note(&pending)
            .map_err(|error| StoreError::io("noting a commit", error))?;
        // Whoever reads need not wait for that as well.
        self.spare
            .keep()
            .map_err(|error| StoreError::io("waiting for a descriptor", error))?;
        let gate = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        let batch = pending::batch(&pending.rows);
        let applied = self.spare.give(|| self.db.apply_batch(batch));
        let applied = applied.map_err(|error| StoreError::io("waiting for a descriptor", error))?;
        if let Err(error) = applied {
            // A part of it may be there, and may be synced at any time.
            drop(self.pending.sync());
            return Err(StoreError::sled("writing a commit", error));
        }
        drop(gate);
        self.head = composed.head;
        Ok(Committed {
            last: self.head.last,
        })
    }

    /// Brings everything to disk that was applied.
    fn sync(&mut self) -> Result<(), StoreError> {
        self.db
            .flush()
            .map_err(|error| StoreError::sled("flushing the store", error))?;
        self.spare
            .lend(|| self.blobs.sync())
            .map_err(|error| StoreError::io("syncing large values", error))?;
        self.file
            .sync_data()
            .map_err(|error| StoreError::io("syncing the store", error))?;
        let mark = Mark {
            store: self.store,
            commits: self.head.commits,
            last: self.head.last,
        };
        self.mark
            .keep(mark)
            .map_err(|error| StoreError::io("keeping the high-water mark", error))
    }

    /// Pages that were replaced are freed by the epoch collector that we share with sled, and
    /// it falls behind under bulk work.
    fn collect(&mut self) {
        if self.garbage < COLLECT_AFTER {
            return;
        }
        self.garbage = 0;
        collect_garbage();
    }
}

/// Frees the pages that were replaced.
pub fn collect_garbage() {
    for _ in 0..COLLECTIONS {
        crossbeam_epoch::pin().flush();
    }
}

fn guarded<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // A full disk panics as damage does, so a panic here does not condemn the store; what is
    // wrong with it shows at the next opening.
    caught(work).unwrap_or_else(|message| Err(StoreError::panicked(doing, message)))
}
