//! Takes a lock whoever panicked with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. What our mutexes guard is whole at any time, so that a panic of whoever has locked one
/// spoils nothing.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
