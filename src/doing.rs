//! The long operations that this process is performing, for a person who waits for them.
//!
//! Code that starts something long registers it here and keeps the [`Doing`] until it is over. The
//! command line shows it; the daemon reports it to a command that waits.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::lock::lock;
use crate::model::Thousands;

/// The operations of this process.
static BOARD: Board = Board(Mutex::new(Vec::new()));

/// Numbers the activities, since they may end in any order.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The operations under way, the innermost last.
#[derive(Debug)]
struct Board(Mutex<Vec<Activity>>);

struct Activity {
    number: u64,
    tell: Arc<dyn Fn() -> String + Send + Sync>,
}

/// An operation under way, until this is dropped.
#[must_use = "it is over when this is dropped"]
#[derive(Debug)]
pub struct Doing {
    number: u64,
    board: &'static Board,
}

/// Registers an operation with a fixed description: `opening the store`.
pub fn doing(what: impl Into<String>) -> Doing {
    let what = what.into();
    telling(move || what.clone())
}

/// The same, with a description that is computed whenever somebody asks.
pub fn telling(tell: impl Fn() -> String + Send + Sync + 'static) -> Doing {
    BOARD.begin(tell)
}

/// The same, with a count that grows: `checking the store: 12,000 rows`.
pub fn counting(what: &'static str, unit: &'static str) -> (Doing, Count) {
    let count = Count::default();
    let shown = count.clone();
    (telling(move || shown.tell(what, unit)), count)
}

/// Returns the description of the innermost operation under way; `None` if there is none.
pub fn now() -> Option<String> {
    BOARD.now()
}

/// How many of something are done.
#[derive(Debug, Clone, Default)]
pub struct Count(Arc<AtomicU64>);

impl Count {
    /// Adds some.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn tell(&self, what: &str, unit: &str) -> String {
        match self.0.load(Ordering::Relaxed) {
            0 => what.to_owned(),
            n => format!("{what}: {} {unit}", Thousands(n)),
        }
    }
}

impl Board {
    fn begin(&'static self, tell: impl Fn() -> String + Send + Sync + 'static) -> Doing {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let tell = Arc::new(tell);
        self.activities().push(Activity { number, tell });
        let board = self;
        Doing { number, board }
    }

    fn now(&self) -> Option<String> {
        // Called without the lock, since the description may take other locks.
        let tell = self
            .activities()
            .last()
            .map(|entry| Arc::clone(&entry.tell));
        tell.map(|tell| tell())
    }

    fn activities(&self) -> MutexGuard<'_, Vec<Activity>> {
        lock(&self.0)
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.board
            .activities()
            .retain(|entry| entry.number != self.number);
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity({})", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(board: &'static Board, what: &str) -> Doing {
        let what = what.to_owned();
        board.begin(move || what.clone())
    }

    #[test]
    fn the_innermost_is_told_until_it_is_over() {
        let board = Box::leak(Box::new(Board(Mutex::default())));
        assert_eq!(board.now(), None);
        let outer = fixed(board, "opening the store");
        let inner = fixed(board, "checking the store");
        assert_eq!(board.now().as_deref(), Some("checking the store"));

        drop(inner);
        assert_eq!(board.now().as_deref(), Some("opening the store"));
        let last = fixed(board, "syncing");
        drop(outer);
        assert_eq!(board.now().as_deref(), Some("syncing"));
        drop(last);
        assert_eq!(board.now(), None);
    }

    #[test]
    fn a_count_is_told_as_it_is_when_somebody_looks() {
        let count = Count::default();
        assert_eq!(count.tell("checking", "rows"), "checking");

        count.add(12_000);

        assert_eq!(count.tell("checking", "rows"), "checking: 12,000 rows");
    }
}
