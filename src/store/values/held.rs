//! How many removals a held plan has.

/// How many removals a plan has, and a sum that verifies them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemovalSum {
    /// How many.
    pub count: u64,
    /// The sum of a hash of each, ignoring overflow: order does not matter.
    pub checksum: u64,
}
