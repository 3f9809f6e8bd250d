//! Describes in words what a key stands for.

use super::trailing_number;

/// Describes what a key stands for, without the parts that identify people.
pub fn describe(key: &[u8]) -> String {
    let what = match key.first() {
        Some(0x01) => "what the store says of itself",
        Some(0x10 | 0x11) => "a tenant",
        Some(0x12) => "the tenants that a connection found",
        Some(0x20) => "a block of records",
        Some(0x21) => "a bucket of fingerprints",
        Some(0x22) => "a census",
        Some(0x24 | 0x25) => "a posting list",
        Some(0x26 | 0x27) => "which posting lists there are",
        Some(0x30) => match trailing_number(key) {
            Some(seq) => return format!("journal entry {seq}"),
            None => "a journal entry",
        },
        Some(0x31) => "an entry that is kept",
        Some(0x32 | 0x33) => "a list of users",
        Some(0x34) => "what was reported late of an entry",
        Some(0x40 | 0x41) => "a plan",
        Some(0x42 | 0x43) => "a held plan",
        Some(0x44) => "an absent record",
        Some(0x50) => "the cursor of an endpoint",
        Some(0x51) => "a parked delivery",
        Some(0x52) => "a deferred delivery",
        Some(0x53) => "a replay",
        Some(0x54) => "an order for an endpoint",
        Some(0x55) => "attempts of an endpoint",
        Some(0x60 | 0x61 | 0x63) => "a run",
        Some(0x62) => "the tally of a tenant's runs",
        Some(0x70 | 0x71) => "how far the audit log was read",
        Some(0x72) => "how far rights were compared",
        Some(0x80) => "a finding that was accepted",
        Some(0x90) => "a space",
        Some(0x91 | 0x92) => "how far spaces were read",
        Some(0x93) => "the last session of a user",
        Some(0x94) => "since when sessions are known",
        Some(0x95) => "an assignment of a licence",
        Some(0x96) => "how far licences were read",
        Some(0x97) => "since when sessions of a user are known",
        Some(0x98) => "the lists of a space that lost many members",
        Some(0x9a) => "whether all spaces are to be read",
        Some(_) | None => "a value of an unknown keyspace",
    };
    what.to_owned()
}

/// Returns a text without the description of a key that it begins with, for callers that describe
/// the place better.
pub fn undescribed(text: &str) -> &str {
    let described = (0..=u8::MAX).find_map(|keyspace| {
        let rest = text.strip_prefix(&describe(&[keyspace]))?;
        rest.strip_prefix(": ")
    });
    let entry = || text.strip_prefix("journal entry ")?.split_once(": ");
    match (described, entry()) {
        (Some(rest), _) => rest,
        (None, Some((number, rest))) if number.bytes().all(|b| b.is_ascii_digit()) => rest,
        (None, _) => text,
    }
}
