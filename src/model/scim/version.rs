//! The version of a resource (RFC 7644, 3.14): a text that changes with its content.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

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
/// record. `content` is everything that the resource is rendered from, whatever was asked for, but
/// no members and no address. A release that renders it otherwise makes other versions.
pub fn content_version(
    version: Version,
    content: &impl Serialize,
    members: Option<MembersDigest>,
) -> String {
    let content = (env!("CARGO_PKG_VERSION"), content, members);
    let content = serde_json::to_vec(&content).expect("keys are texts");
    format!("W/\"{version}-{:016x}\"", xxh3_64(&content))
}
