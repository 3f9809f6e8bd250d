//! How many removals a held plan has.

/// How many entries a plan has, and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entries {
    /// How many.
    pub count: u64,
    /// The sum of a hash of each, ignoring overflow: order does not matter.
    pub checksum: u64,
}
