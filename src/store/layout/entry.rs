//! Encodes and decodes journal entries: when each was found, its version, its origin and its fact.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::model::{
    Account, Entry, EntryDigest, Fact, Origin, Reported, RunId, Seq, Stamp, Timestamp, Version,
};
use crate::store::error::StoreError;

use super::{Stored, codec, keys, v1, v3, v5, v6, v8, v10};

/// Decodes an entry.
pub fn read(key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    read_behind(&mut LastOrigin::default(), key, value)
}

/// The origin of the entry before, and the bytes that encode it. All entries of a run have the same
/// one.
#[derive(Default)]
pub struct LastOrigin {
    bytes: Vec<u8>,
    origin: Option<Origin>,
}

impl LastOrigin {
    /// Reads an entry's origin; returns it and the remaining bytes.
    pub(super) fn read<'bytes>(
        &mut self,
        key: &[u8],
        bytes: &'bytes [u8],
    ) -> Result<(Option<Origin>, &'bytes [u8]), StoreError> {
        // No origin's bytes are a prefix of another's: they contain their length.
        if let Some(origin) = &self.origin
            && let Some(rest) = bytes.strip_prefix(self.bytes.as_slice())
        {
            return Ok((Some(origin.clone()), rest));
        }
        let (origin, rest): (Option<v1::Origin<'_>>, _) = codec::first_of(key, bytes)?;
        let origin = origin.map(|v1::Origin { run, account }| {
            let account = Arc::new(account.into());
            Origin { run, account }
        });
        self.bytes.clear();
        let read = bytes.strip_suffix(rest).unwrap_or_default();
        self.bytes.extend_from_slice(read);
        self.origin.clone_from(&origin);
        Ok((origin, rest))
    }
}

/// The start of an entry, whose content is still packed.
pub(super) struct Head<'value> {
    pub(super) seq: Seq,
    format: u8,
    pub(super) at: Timestamp,
    /// `None` in format 1.
    version: Option<Version>,
    pub(super) packed: &'value [u8],
}

impl<'value> Head<'value> {
    /// Verifies an entry and reads its start. Entries stay as they were written, so this code knows
    /// every layout that they ever had.
    pub(super) fn read(key: &[u8], value: &'value [u8]) -> Result<Self, StoreError> {
        let seq = keys::trailing_number(key).ok_or_else(|| codec::flawed(key, "no place"))?;
        let cut_short = || codec::flawed(key, "cut short");
        let (format, bytes) = codec::verify(key, value)?;
        let (at, bytes) = bytes.split_first_chunk::<8>().ok_or_else(cut_short)?;
        let (version, packed) = match format {
            <v1::Entry<'_> as Stored>::FORMAT => (None, bytes),
            <v3::Entry<'_> as Stored>::FORMAT
            | <v5::Entry<'_> as Stored>::FORMAT
            | <v6::Entry<'_> as Stored>::FORMAT
            | <v8::Entry<'_> as Stored>::FORMAT
            | <v10::Entry<'_> as Stored>::FORMAT => {
                let (version, packed) = bytes.split_first_chunk().ok_or_else(cut_short)?;
                (Some(Version(u64::from_be_bytes(*version))), packed)
            }
            format => return Err(codec::unknown(key, format)),
        };
        Ok(Self {
            seq: Seq(seq),
            format,
            at: Timestamp::from_millis(i64::from_be_bytes(*at)),
            version,
            packed,
        })
    }

    /// Returns the version that the record has after the entry.
    pub(super) fn version(&self) -> Version {
        self.version.unwrap_or(Version(self.seq.0))
    }
}

/// Decodes an entry that may have the origin of the one before.
pub fn read_behind(last: &mut LastOrigin, key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    let Head {
        seq,
        format,
        at,
        version,
        packed,
    } = Head::read(key, value)?;
    let (stamp, origin, fact, reported) = codec::unpack_with(key, packed, |bytes| {
        let stamp = version.map(|version| Stamp {
            version,
            digest: digest(at, version, bytes),
        });
        let (origin, rest) = last.read(key, bytes)?;
        let mut reported = None;
        let fact = match format {
            <v1::Entry<'_> as Stored>::FORMAT => {
                codec::from_bytes::<v1::Fact<'_>>(key, rest)?.into()
            }
            <v3::Entry<'_> as Stored>::FORMAT => {
                codec::from_bytes::<v3::Fact<'_>>(key, rest)?.into()
            }
            <v5::Entry<'_> as Stored>::FORMAT => {
                codec::from_bytes::<v5::Fact<'_>>(key, rest)?.into()
            }
            <v6::Entry<'_> as Stored>::FORMAT => {
                codec::from_bytes::<v6::Fact<'_>>(key, rest)?.into()
            }
            <v8::Entry<'_> as Stored>::FORMAT => {
                let (fact, report): (v8::Fact<'_>, Option<v8::Reported>) =
                    codec::from_bytes(key, rest)?;
                reported = report.map(Into::into);
                fact.into()
            }
            _ => {
                let (fact, report): (v10::Fact<'_>, Option<v8::Reported>) =
                    codec::from_bytes(key, rest)?;
                reported = report.map(Into::into);
                fact.into()
            }
        };
        Ok((stamp, origin, fact, reported))
    })?;
    Ok(Entry {
        seq,
        stamp,
        at,
        origin,
        reported,
        fact,
    })
}

/// Returns a digest of everything in an entry, from the bytes in which it was written: if a later
/// version of the program adds fields to entries, this entry keeps its id.
fn digest(at: Timestamp, version: Version, bytes: &[u8]) -> EntryDigest {
    let mut digest = Sha256::new();
    digest.update(at.millis().to_be_bytes());
    digest.update(version.0.to_be_bytes());
    digest.update(bytes);
    let digest: [u8; 32] = digest.finalize().into();
    let mut start = [0; 16];
    start.copy_from_slice(digest.split_at(16).0);
    EntryDigest(start)
}

/// Encodes an entry, except for its position, its time and its version.
pub fn pack(
    origin: Option<(RunId, &Account)>,
    fact: &Fact,
    reported: Option<&Reported>,
) -> Vec<u8> {
    codec::pack(&v10::Entry {
        origin: origin.map(Into::into),
        fact: fact.into(),
        reported: reported.map(Into::into),
    })
}

/// Turns an encoded entry into a complete value.
pub fn seal(key: &[u8], at: Timestamp, version: Version, packed: &[u8]) -> Vec<u8> {
    let at = at.millis().to_be_bytes();
    let head = [at, version.0.to_be_bytes()].concat();
    codec::seal(v10::Entry::FORMAT, key, &head, packed)
}

/// Returns the error for an entry that is missing.
pub fn missing(seq: Seq) -> StoreError {
    StoreError::damaged(format!("journal entry {seq}: missing"))
}
