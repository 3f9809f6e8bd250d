//! When a store is compacted, and how much disk space that requires.

/// Bytes below which a database counts as small, whatever its live data.
pub const SMALL: u64 = 64 * 1024 * 1024;

/// When a database is compacted, and how much disk space that requires.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Bytes below which it counts as small, whatever its live data.
    pub small: u64,
    /// Bytes that must be free besides what the rows of a copy take.
    pub spare: u64,
    /// Bytes after which a copy is flushed to disk: until then they may be in memory, several
    /// times, and flushing everything at the end may take longer than the watchdog waits.
    pub portion: usize,
}

impl Rule {
    pub const USUAL: Self = Self {
        small: SMALL,
        spare: 16 * 1024 * 1024,
        portion: 8 * 1024 * 1024,
    };
}
