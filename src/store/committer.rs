//! The one thread that writes: applies what is queued, syncs once for all of it, answers.
//!
//! `flush` of sled 0.34.7 hands the log to the kernel and does not sync it: in simulated
//! power cuts 17 of 20 stores lost what had been acknowledged, most of them for good. So
//! after it we sync the file through a handle of our own, and only then answer.

use std::fs::File;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::model::StoreId;

use super::caught::caught;
use super::commit::{Committed, Prepared};
use super::compose::{self, Head};
use super::error::StoreError;
use super::files::{Blobs, Folder};
use super::inner::Shared;
use super::keys::Key;
use super::mark::{Mark, MarkFile};

/// Commits that wait in the queue; then whoever submits waits. Bounds memory.
pub const QUEUE: usize = 32;

/// Commits that share one sync at the most. Bounds how long the first of them waits.
const GROUP: usize = 32;

/// Operations after which the garbage of sled's pages is collected by hand: some megabytes,
/// where they are blocks.
const COLLECT_AFTER: usize = 1_000;

/// How often the collector is asked then: each time it takes eight bags of 64.
const COLLECTIONS: usize = 40;

/// Work for the committer, and where to answer.
pub struct Job {
    pub work: Work,
    pub reply: Reply,
}

type Answer = Result<Committed, StoreError>;
type Reply = SyncSender<Answer>;

/// What can be written. Each is one batch: there or not, never in part.
pub enum Work {
    Commit(Prepared),
    Rows(Vec<(Key, Option<Vec<u8>>)>),
}

/// The committer's own.
pub struct Committer {
    pub db: sled::Db,
    /// Our own handle on the file that sled writes to; its lock belongs to sled's handle.
    pub file: File,
    pub blobs: Blobs,
    pub mark: MarkFile,
    pub store: StoreId,
    pub head: Head,
    pub folder: Folder,
    pub garbage: usize,
}

impl Committer {
    /// Works until nobody can submit any more, or a fatal error; whatever ends it otherwise
    /// is one too.
    pub fn work(self, queue: &Receiver<Job>, shared: &Shared) {
        let folder = self.folder.clone();
        if let Err(message) = caught(|| self.run(queue, shared)) {
            shared.remember(&folder, &StoreError::panicked("committing", message));
        }
    }

    fn run(mut self, queue: &Receiver<Job>, shared: &Shared) {
        while let Ok(first) = queue.recv() {
            let mut group = Vec::with_capacity(GROUP);
            let outcome = self.run_group(first, queue, shared, &mut group);
            if let Err(error) = &outcome {
                shared.remember(&self.folder, error);
            }
            for (reply, answer) in group {
                answer_to(&reply, outcome.clone().and(answer));
            }
            if outcome.is_err() {
                return;
            }
        }
        if let Err(refused) = self.mark.sync() {
            tracing::warn!(error = %refused, "The high-water mark could not be synced at the close");
        }
    }

    /// Applies what is queued and syncs. An error is fatal; what a caller got wrong is only an
    /// answer to that caller.
    fn run_group(
        &mut self,
        first: Job,
        queue: &Receiver<Job>,
        shared: &Shared,
        group: &mut Vec<(Reply, Answer)>,
    ) -> Result<(), StoreError> {
        let mut next = Some(first);
        while let Some(Job { work, reply }) = next {
            let answer = guarded("writing a commit", || self.apply(work, shared));
            let fatal = answer
                .as_ref()
                .err()
                .filter(|error| error.is_fatal())
                .cloned();
            group.push((reply, answer));
            if let Some(fatal) = fatal {
                return Err(fatal);
            }
            next = if group.len() < GROUP {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        guarded("syncing the store", || self.sync())?;
        shared.set_durable(self.head.last);
        self.collect();
        Ok(())
    }

    fn apply(&mut self, work: Work, shared: &Shared) -> Answer {
        let composed = match work {
            Work::Commit(prepared) => compose::commit(&self.db, &self.head, prepared)?,
            Work::Rows(rows) => compose::rows(&self.head, rows),
        };
        self.garbage += composed.operations;
        let gate = shared.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.db
            .apply_batch(composed.batch)
            .map_err(|error| StoreError::sled("writing a commit", error))?;
        drop(gate);
        self.head = composed.head;
        Ok(Committed {
            last: self.head.last,
        })
    }

    /// Brings everything to disk that was applied.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.db
            .flush()
            .map_err(|error| StoreError::sled("flushing the store", error))?;
        self.blobs
            .sync()
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
        for _ in 0..COLLECTIONS {
            crossbeam_epoch::pin().flush();
        }
    }
}

/// Nobody waits for an answer that was given up; what was written is there anyway.
fn answer_to(reply: &Reply, answer: Answer) {
    drop(reply.send(answer));
}

fn guarded<T>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // A full disk panics as damage does, so a panic here does not condemn the store; what is
    // wrong with it shows at the next opening.
    caught(work).unwrap_or_else(|message| Err(StoreError::panicked(doing, message)))
}
