//! The version of a resource (RFC 7644, 3.14): a text that changes with its content.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Resource;
use crate::model::{UserId, Version};

/// A digest of who is in a group. Groups may have too many members to keep them for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersDigest {
    count: u64,
    sum: u64,
}

impl MembersDigest {
    /// Adds a member. The order does not count.
    pub fn add(&mut self, id: &UserId, name: &str) {
        self.count += 1;
        let member = format!("{id}\0{name}");
        self.sum = self.sum.wrapping_add(xxh3_64(member.as_bytes()));
    }
}

/// Returns a text that distinguishes this content of a resource from others: the version of its
/// record, and a digest, since the names of roles, members and rights in spaces are not part of the
/// record. `whole` has all attributes, whatever was asked for, but no members.
pub fn content_version(
    version: Version,
    whole: &Resource,
    members: Option<MembersDigest>,
) -> String {
    let content = serde_json::to_vec(&(whole, members)).expect("keys are texts");
    format!("W/\"{version}-{:016x}\"", xxh3_64(&content))
}
