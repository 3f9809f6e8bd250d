//! Count and order-independent checksum of the fingerprints of one kind of a tenant.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{Fingerprint, Id};

/// Proves that a scan of fingerprints is complete: stored with each commit, compared with what was
/// read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// How many records there are.
    pub count: u64,
    /// The sum, ignoring overflow, of a hash of each id with its fingerprint.
    pub checksum: u64,
}

impl Census {
    /// Adds a record.
    pub fn add(&mut self, id: &Id, fingerprint: Fingerprint) {
        self.add_entry(&entry(id, fingerprint));
    }

    /// Adds a record by the bytes of its id's key and its fingerprint.
    pub(in crate::store) fn add_entry(&mut self, bytes: &[u8]) {
        self.count = self.count.wrapping_add(1);
        self.checksum = self.checksum.wrapping_add(xxh3_64(bytes));
    }

    /// Removes a record that was added before.
    pub fn remove(&mut self, id: &Id, fingerprint: Fingerprint) {
        self.count = self.count.wrapping_sub(1);
        self.checksum = self.checksum.wrapping_sub(xxh3_64(&entry(id, fingerprint)));
    }
}

fn entry(id: &Id, fingerprint: Fingerprint) -> Vec<u8> {
    let mut bytes = id.to_key();
    bytes.extend_from_slice(&fingerprint.0);
    bytes
}
