//! Frees pages that sled replaced: its collector falls behind under bulk work.

/// How often to call the collector: each call collects eight bags of 64.
const COLLECTIONS: usize = 40;

/// Frees the pages that were replaced.
pub fn collect_garbage() {
    for _ in 0..COLLECTIONS {
        crossbeam_epoch::pin().flush();
    }
}
