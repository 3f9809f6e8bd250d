//! Reserves file descriptors for the files that a commit opens, and waits if there are none.
//!
//! sled opens a file for each large value, and we open it to sync it. By then connections may have
//! used up all descriptors that the process may have. A connection without a descriptor merely
//! fails; a commit that fails halfway stops the daemon.

use std::fs::File;
use std::io;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

/// Files that one step of a commit has open at once: a folder and a file in it.
const KEPT: usize = 2;

/// How long to wait between attempts, and how many to make: a minute in all; whoever still has the
/// descriptors then will not give them back.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: usize = 600;

/// Reserved descriptors.
#[derive(Debug)]
pub struct Spare {
    /// An open file. The descriptors are duplicates of it and serve no other purpose.
    of: File,
    kept: Vec<File>,
}

impl Spare {
    /// Makes spares by duplicating an open file.
    pub fn new(of: &File) -> io::Result<Self> {
        let mut spare = Self {
            of: of.try_clone()?,
            kept: Vec::with_capacity(KEPT),
        };
        spare.keep()?;
        Ok(spare)
    }

    /// Runs a step of which no part may fail: descriptors are free for it, unless somebody else
    /// takes them at that moment.
    pub fn give<T>(&mut self, step: impl FnOnce() -> T) -> io::Result<T> {
        self.keep()?;
        self.kept.clear();
        let done = step();
        // Reserve descriptors again before somebody else takes them. If this fails, the next step
        // waits.
        drop(self.fill());
        Ok(done)
    }

    /// Runs a step, and repeats it while there are no descriptors for it.
    pub fn lend<T>(&mut self, mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let mut tries = 0..TRIES;
        loop {
            match self.give(&mut step)? {
                Err(error) if is_lack(&error) && tries.next().is_some() => thread::sleep(PAUSE),
                done => return done,
            }
        }
    }

    /// Acquires descriptors until there are enough of them, waiting if necessary.
    pub fn keep(&mut self) -> io::Result<()> {
        let mut tries = 0..TRIES;
        loop {
            match self.fill() {
                Err(error) if is_lack(&error) && tries.next().is_some() => {}
                filled => return filled,
            }
            if tries.start == 1 {
                tracing::warn!(
                    "The process has as many files and connections open as it is allowed; a commit \
                     waits until one is closed"
                );
            }
            thread::sleep(PAUSE);
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.kept.len() < KEPT {
            self.kept.push(self.of.try_clone()?);
        }
        Ok(())
    }
}

/// Returns whether the process, or the system, has no descriptor left.
fn is_lack(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}
