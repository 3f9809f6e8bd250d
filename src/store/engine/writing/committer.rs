//! Gathers the queued commits, passes them to the writer, and answers; gives up on a database that
//! stops responding.
//!
//! After a failed write a flush may wait for ever (`nudge.rs`). So a thread of its own serves the
//! database (`writer.rs`), and this one waits for it with a limit.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::store::engine::files::Folder;
use crate::store::engine::nudge::PATIENCE;
use crate::store::engine::shared::Shared;
use crate::store::error::StoreError;

use super::work::{CommitResult, Job, Reply, Work};
use super::writer::{Writer, Written};

/// Commits that wait in the queue; when it is full, callers wait. Bounds memory.
pub const QUEUE: usize = 32;

/// The most commits that share one sync. Bounds how long the first of them waits.
const GROUP: usize = 32;

/// The state of the committer thread.
pub struct Committer {
    folder: Folder,
    groups: SyncSender<Vec<Work>>,
    written: Receiver<Written>,
    thread: JoinHandle<()>,
}

impl Committer {
    /// Starts the thread that writes.
    pub fn start(folder: Folder, writer: Writer, shared: Arc<Shared>) -> io::Result<Self> {
        let (groups, to_write) = sync_channel(1);
        let (told, written) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.work(&shared, &to_write, &told))?;
        Ok(Self {
            folder,
            groups,
            written,
            thread,
        })
    }

    /// Flushes to disk everything that the database contains.
    pub fn sync(&self, shared: &Shared) -> Result<(), StoreError> {
        self.write(Vec::new(), shared)?.outcome.map(drop)
    }

    /// Works until nobody can submit any more, or a fatal error occurs.
    pub fn work(self, queue: &Receiver<Job>, shared: &Shared) {
        while let Ok(first) = queue.recv() {
            let mut jobs = vec![first];
            jobs.extend(queue.try_iter().take(GROUP - 1));
            let (mut group, mut replies) = (Vec::new(), Vec::new());
            for Job { work, reply, share } in jobs {
                group.push(work);
                replies.push((reply, share));
            }
            let (answers, outcome) = match self.write(group, shared) {
                Ok(Written { answers, outcome }) => (answers, outcome),
                Err(gone) => (Vec::new(), Err(gone)),
            };
            match &outcome {
                Ok(last) => shared.set_durable(*last),
                Err(error) => shared.remember(&self.folder, error),
            }
            let mut answers = answers.into_iter();
            for (reply, _share) in replies {
                // A caller's mistake is only reported to that caller; a fatal error is reported to
                // everybody.
                let answer = match &outcome {
                    Ok(_) => answers.next().unwrap_or(Err(StoreError::Closed)),
                    Err(fatal) => Err(fatal.clone()),
                };
                answer_to(&reply, answer);
            }
            if outcome.is_err() {
                return;
            }
        }
        drop(self.groups);
        if self.thread.join().is_err() {
            tracing::error!("The thread that writes the store panicked");
        }
    }

    /// Passes a group to the writer and waits. Fails if the database stops responding.
    fn write(&self, group: Vec<Work>, shared: &Shared) -> Result<Written, StoreError> {
        let ended = || StoreError::panicked("writing", "the thread that does it ended".to_owned());
        self.groups.send(group).map_err(|_gone| ended())?;
        for seconds in PATIENCE {
            match self.written.recv_timeout(Duration::from_secs(seconds)) {
                Ok(written) => return Ok(written),
                Err(RecvTimeoutError::Timeout) => {
                    // A reader may have met the failure that keeps the writer waiting.
                    shared.check()?;
                    shared.nudge();
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
        Err(StoreError::io(
            "waiting for the database",
            io::ErrorKind::TimedOut.into(),
        ))
    }
}

/// Answers a caller. If the caller no longer waits, what was written stays written.
fn answer_to(reply: &Reply, answer: CommitResult) {
    drop(reply.send(answer));
}
