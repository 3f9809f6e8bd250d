//! When a store is compacted, and what is asked of the disk then.

/// Bytes below which a database is small, whatever lives in it.
pub const SMALL: u64 = 64 * 1024 * 1024;

/// When a database is compacted, and what is asked of the disk then.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Bytes below which it is small, whatever lives in it.
    pub small: u64,
    /// Bytes that must be free beside what the rows of a copy take.
    pub spare: u64,
    /// Bytes after which a copy is brought to disk: until then they may be in memory, several
    /// times, and all of it at its end may take longer than who watches over it has patience.
    pub portion: usize,
}

impl Rule {
    pub const USUAL: Self = Self {
        small: SMALL,
        spare: 16 * 1024 * 1024,
        portion: 8 * 1024 * 1024,
    };
}
