//! Takes a lock whoever panicked with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that outlives a panic of whoever held it: what it guards is whole at any time.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
