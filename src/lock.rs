//! Takes a lock even if a thread panicked while holding it.
//!
//! The data in our locks is consistent at any time, so a panic of a holder does no harm.

#![expect(clippy::disallowed_methods, reason = "here is where it is done")]

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    TryLockError,
};
use std::time::Duration;

/// Locks a mutex and ignores poisoning.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock for reading and ignores poisoning.
pub fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock for writing and ignores poisoning.
pub fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lock for writing if nobody has it, and ignores poisoning.
pub fn try_write<T: ?Sized>(lock: &RwLock<T>) -> Option<RwLockWriteGuard<'_, T>> {
    match lock.try_write() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits until it is notified, with the lock released meanwhile, and ignores poisoning.
pub fn wait<'a, T>(notified: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    notified.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits as long as the condition holds, but no longer than this, with the lock released meanwhile,
/// and ignores poisoning.
pub fn wait_while<'a, T>(
    notified: &Condvar,
    guard: MutexGuard<'a, T>,
    longest: Duration,
    condition: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    let waited = notified.wait_timeout_while(guard, longest, condition);
    let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
    guard
}
