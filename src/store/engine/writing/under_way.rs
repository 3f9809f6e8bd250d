//! The limit on the bytes of commits that are queued or being written.
//!
//! The queue bounds their number; but one record may be as large as a hundred others.

use std::sync::{Arc, Condvar, Mutex};

use crate::lock::{lock, wait};

/// The most bytes under way. A larger commit goes alone.
const LIMIT: usize = 8 * 1024 * 1024;

/// Counts what is under way. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    used: Mutex<usize>,
    freed: Condvar,
}

/// Bytes that count as under way until this is dropped.
#[derive(Debug)]
pub struct Share {
    bytes: usize,
    of: UnderWay,
}

impl UnderWay {
    /// Reserves this many bytes. Blocks until few enough are under way.
    pub fn enter(&self, bytes: usize) -> Share {
        let mut used = lock(&self.0.used);
        while *used > 0 && *used + bytes > LIMIT {
            used = wait(&self.0.freed, used);
        }
        *used += bytes;
        Share {
            bytes,
            of: self.clone(),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let inner = &self.of.0;
        *lock(&inner.used) -= self.bytes;
        inner.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;

    #[test]
    fn what_is_too_much_waits_and_what_is_too_large_goes_alone() {
        let under_way = UnderWay::default();
        let (tell, told) = sync_channel(1);
        let first = under_way.enter(LIMIT / 2);
        let second = under_way.enter(LIMIT / 2);
        let others = under_way.clone();
        let waits = thread::spawn(move || {
            let large = others.enter(LIMIT * 3);
            tell.send(*lock(&others.0.used)).unwrap();
            drop(large);
        });

        drop(first);
        assert_eq!(told.try_recv().ok(), None, "the second is under way");
        drop(second);

        assert_eq!(told.recv().unwrap(), LIMIT * 3);
        waits.join().unwrap();
        assert_eq!(*lock(&under_way.0.used), 0);
    }
}
