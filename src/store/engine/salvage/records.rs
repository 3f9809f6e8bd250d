//! Computes fingerprints and a census from the records that were salvaged.

use std::collections::BTreeMap;

use crate::model::{Fingerprint, Id, Kind};
use crate::store::engine::rows::block::{Block, PackedRecord};
use crate::store::engine::rows::bucket::Bucket;
use crate::store::engine::rows::state;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v1};
use crate::store::values::census::Census;
use crate::store::values::tenant_no::TenantNo;

use super::target::Target;

/// Fingerprints in a bucket: fewer than it may have, so that some can be added.
const IN_A_BUCKET: usize = 128;

/// The kind of records that is being processed.
struct OfKind {
    no: TenantNo,
    kind: Kind,
    census: Census,
    last: Option<Id>,
    bucket: Vec<(Id, Fingerprint)>,
    n_buckets: u64,
}

/// Processes all records. Returns how many there are of each tenant and kind.
pub fn make(target: &mut Target) -> Result<BTreeMap<(TenantNo, Kind), u64>, StoreError> {
    let db = target.db.clone();
    let mut counts = BTreeMap::new();
    let mut of: Option<OfKind> = None;
    for row in scan::prefix(&db, &[Keyspace::State as u8]) {
        let (key, value) = row?;
        let Some((no, kind)) = key.get(..6).and_then(keys::census_of) else {
            target.set(key.to_vec(), None)?;
            continue;
        };
        let mut now = match of.take() {
            Some(now) if (now.no, now.kind) == (no, kind) => now,
            before => {
                counts.extend(before.map(|before| before.end(target)).transpose()?);
                OfKind {
                    no,
                    kind,
                    census: Census::default(),
                    last: None,
                    bucket: Vec::new(),
                    n_buckets: 0,
                }
            }
        };
        let prefix = keys::state_prefix(no, kind);
        let end = scan::key_after(&db, &prefix, &key)?;
        now.block(target, &key, &value, end.as_ref())?;
        of = Some(now);
    }
    counts.extend(of.map(|last| last.end(target)).transpose()?);
    target.write()?;
    Ok(counts)
}

impl OfKind {
    /// Keeps those records of a block that can be read and are in their place and in order: an
    /// older page may contain records that a newer one contains as well.
    fn block(
        &mut self,
        target: &mut Target,
        key: &[u8],
        value: &[u8],
        end: Option<&Key>,
    ) -> Result<(), StoreError> {
        let entries = Block::read(key, value).map_or_else(|_| Vec::new(), |block| block.0);
        let n_read = entries.len();
        let mut kept = Vec::with_capacity(n_read);
        for entry in entries {
            if self.is_in_place(key, &entry, end) {
                self.add(target, &entry)?;
                kept.push(entry);
            }
        }
        if kept.is_empty() {
            return target.set(key.to_vec(), None);
        }
        if kept.len() < n_read {
            let key = key.to_vec();
            let value = Block(kept).write(&key);
            target.set(key, Some(value))?;
        }
        Ok(())
    }

    fn is_in_place(&self, key: &[u8], entry: &PackedRecord, end: Option<&Key>) -> bool {
        let own = keys::state(self.no, self.kind, &entry.id);
        let reads = state::read(key, entry, entry.print);
        own.as_slice() >= key
            && end.is_none_or(|end| own < *end)
            && self.last.as_ref().is_none_or(|last| *last < entry.id)
            && reads.is_ok_and(|kept| kept.record.kind() == self.kind)
    }

    fn add(&mut self, target: &mut Target, entry: &PackedRecord) -> Result<(), StoreError> {
        self.last = Some(entry.id.clone());
        self.census.add(&entry.id, entry.print);
        self.bucket.push((entry.id.clone(), entry.print));
        match self.bucket.len() >= IN_A_BUCKET {
            true => self.keep_bucket(target),
            false => Ok(()),
        }
    }

    fn keep_bucket(&mut self, target: &mut Target) -> Result<(), StoreError> {
        let bucket = Bucket(std::mem::take(&mut self.bucket));
        let key = match bucket.0.first() {
            None => return Ok(()),
            // The first bucket begins before all ids.
            Some(_) if self.n_buckets == 0 => keys::bucket_prefix(self.no, self.kind),
            Some((first, _)) => keys::bucket(self.no, self.kind, first),
        };
        self.n_buckets += 1;
        let value = bucket.write(&key);
        target.set(key, Some(value))
    }

    fn end(mut self, target: &mut Target) -> Result<((TenantNo, Kind), u64), StoreError> {
        self.keep_bucket(target)?;
        let key = keys::census(self.no, self.kind);
        let (key, value) = codec::put(key, &v1::Census::from(self.census));
        target.set(key, value)?;
        Ok(((self.no, self.kind), self.census.count))
    }
}
