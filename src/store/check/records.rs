//! Checks that records, their fingerprints and the census agree.

use std::ops::Bound;

use crate::model::{Fingerprint, Id, Kind, Version};
use crate::store::engine::rows::block::{self, PackedRecord};
use crate::store::engine::rows::bucket::{self, Bucket};
use crate::store::engine::rows::state;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::tenants::mark_of;

/// The minimum number of fingerprints to compare at one moment, while commits wait.
const AT_ONCE: usize = 200;

/// Records without a fingerprint that are reported one by one. Bounds memory.
const MOST_EXTRA: usize = 1_000;

/// The version of each record, in sixteen bytes each.
#[derive(Default)]
pub struct Versions {
    /// A hash of tenant, kind and id, and the version; sorted by the hash.
    records: Vec<(u64, Version)>,
}

impl Versions {
    fn add(&mut self, no: TenantNo, kind: Kind, id: &Id, version: Version) {
        self.records.push((mark_of(no, kind, id), version));
    }

    /// Returns the version of a record, or `None` if there is no such record.
    pub fn of(&self, no: TenantNo, kind: Kind, id: &Id) -> Option<Version> {
        let mark = mark_of(no, kind, id);
        let place = self
            .records
            .binary_search_by_key(&mark, |(mark, _)| *mark)
            .ok()?;
        self.records.get(place).map(|(_, version)| *version)
    }

    /// Returns how many records have a version in a range, both ends included.
    pub fn count(&self, from: Version, upto: Version) -> u64 {
        let within = self.records.iter();
        within
            .filter(|(_, version)| *version >= from && *version <= upto)
            .count() as u64
    }
}

impl Check<'_> {
    /// Compares all records with their fingerprints. Returns their versions.
    pub(super) fn records(&mut self) -> Versions {
        let mut versions = Versions::default();
        for (no, kind) in self.kinds() {
            let place = format!("the {} of {}", kind.plural(), self.named(no));
            self.knows(&place, no);
            let proved = {
                let _still = self.view.still();
                state::prove(self.view.db, no, kind, &mut |_, _| {})
            };
            self.take(&*place, proved);
            self.part(&place, |check| check.kind(no, kind, &place, &mut versions));
        }
        versions.records.sort_unstable();
        versions
    }

    /// Returns every tenant and kind that has any rows.
    fn kinds(&mut self) -> Vec<(TenantNo, Kind)> {
        let mut kinds = Vec::new();
        for keyspace in [Keyspace::State, Keyspace::Bucket, Keyspace::Census] {
            // From one kind to the next, skipping the rows in between.
            let mut from: Key = vec![keyspace as u8];
            loop {
                let next = scan::after(self.view.db, &[keyspace as u8], Bound::Included(from));
                let next = { next }.next().transpose();
                let Some(Some((key, _))) = self.take("the kinds of records", next) else {
                    break;
                };
                match key.get(..6).and_then(keys::census_of) {
                    Some(kind) if kinds.contains(&kind) => {}
                    Some(kind) => kinds.push(kind),
                    None => {
                        self.fault(keys::describe(&key), "of no tenant and kind");
                    }
                }
                from = key.get(..6).unwrap_or(&key).to_vec();
                from.extend_from_slice(&[0xff; 80]);
            }
        }
        kinds.sort_unstable();
        kinds
    }

    /// Goes through the ids, some at a time. What is compared was there at one moment: a record may
    /// appear anywhere while the store is in use.
    fn kind(&mut self, no: TenantNo, kind: Kind, place: &str, versions: &mut Versions) {
        let mut last: Option<Id> = None;
        loop {
            let _still = self.view.still();
            let prints = self.prints(no, kind, place, last.as_ref());
            self.compare(no, kind, place, last.as_ref(), &prints, versions);
            self.tick(1);
            match prints.upto() {
                Some(upto) if !(self.view.is_over)() => last = Some(upto.clone()),
                Some(_) | None => return,
            }
        }
    }

    /// Reads some fingerprints after an id.
    fn prints(&mut self, no: TenantNo, kind: Kind, place: &str, after: Option<&Id>) -> Prints {
        let mut prints = Prints {
            of: Vec::new(),
            is_readable: true,
            is_end: true,
        };
        let prefix = keys::bucket_prefix(no, kind);
        let from = match after {
            Some(id) => bucket::holding(self.view.db, no, kind, id).map(|(key, _)| key),
            None => Ok(prefix.clone()),
        };
        let Some(from) = self.take(place, from) else {
            return prints;
        };
        for row in scan::after(self.view.db, &prefix, Bound::Included(from)) {
            if prints.of.len() >= AT_ONCE {
                prints.is_end = false;
                break;
            }
            let read = row.and_then(|(key, value)| Bucket::read(&key, &value));
            match read {
                Ok(bucket) => {
                    let behind = bucket.0.into_iter();
                    prints
                        .of
                        .extend(behind.filter(|(id, _)| after.is_none_or(|after| after < id)));
                }
                Err(error) => {
                    prints.is_readable = false;
                    self.take::<()>(place, Err(error));
                }
            }
        }
        prints
    }

    /// Compares the records after an id with fingerprints.
    fn compare(
        &mut self,
        no: TenantNo,
        kind: Kind,
        place: &str,
        after: Option<&Id>,
        prints: &Prints,
        versions: &mut Versions,
    ) {
        let Some(blocks) = self.take(place, block::after(self.view.db, no, kind, after)) else {
            return;
        };
        let mut entries = Vec::new();
        let mut is_readable = true;
        for read in blocks {
            match read {
                Ok((_, entry)) if prints.upto().is_some_and(|upto| entry.id > *upto) => break,
                Ok(_) if entries.len() >= prints.of.len() + MOST_EXTRA => {
                    self.fault(place, "most of them have no fingerprint");
                    break;
                }
                Ok(read) => entries.push(read),
                Err(error) => {
                    is_readable = false;
                    self.take::<()>(place, Err(error));
                }
            }
        }
        let mut entries = entries.into_iter().peekable();
        for (id, print) in &prints.of {
            while let Some((_, extra)) = entries.next_if(|(_, entry)| entry.id < *id) {
                self.extra(no, kind, &extra.id, prints);
            }
            let what = format!("{kind} {id} of {}", self.named(no));
            match entries.next_if(|(_, entry)| entry.id == *id) {
                Some((key, entry)) => {
                    versions.add(no, kind, id, entry.version);
                    self.checked.records += 1;
                    self.take(what, read(&key, &entry, kind, *print));
                }
                // A record in an unreadable block is not reported as missing as well.
                None if is_readable => self.fault(what, "has a fingerprint and no record"),
                None => {}
            }
        }
        for (_, extra) in entries {
            self.extra(no, kind, &extra.id, prints);
        }
    }

    /// Reports a record without a fingerprint, unless some fingerprints could not be read.
    fn extra(&mut self, no: TenantNo, kind: Kind, id: &Id, prints: &Prints) {
        if prints.is_readable {
            let place = format!("{kind} {id} of {}", self.named(no));
            self.fault(place, "is there without a fingerprint");
        }
    }
}

/// Fingerprints of consecutive ids.
struct Prints {
    of: Vec<(Id, Fingerprint)>,
    /// False if some of them may be missing because they could not be read.
    is_readable: bool,
    /// Whether there are none after them.
    is_end: bool,
}

impl Prints {
    /// Returns the last id that they cover, or `None` if they extend to the end.
    fn upto(&self) -> Option<&Id> {
        let last = self.of.last().map(|(id, _)| id);
        last.filter(|_| !self.is_end)
    }
}

fn read(
    key: &[u8],
    entry: &PackedRecord,
    kind: Kind,
    print: Fingerprint,
) -> Result<(), StoreError> {
    let kept = state::read(key, entry, print)?;
    match kept.record.kind() == kind {
        true => Ok(()),
        false => Err(codec::flawed(key, "holds one of another kind")),
    }
}
