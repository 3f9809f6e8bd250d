//! That records, their fingerprints and the census agree.

use crate::model::{Id, Kind, Seq};
use crate::store::block::{self, Entry};
use crate::store::bucket::Bucket;
use crate::store::error::StoreError;
use crate::store::keys::{self, Key, Space};
use crate::store::{TenantNo, codec, scan, state};

use super::Check;
use super::tenants::mark_of;

/// Which entry left each record as it is, in sixteen bytes a record.
#[derive(Default)]
pub struct Versions {
    /// A hash of tenant, kind and id, and the entry; sorted by the hash.
    records: Vec<(u64, Seq)>,
}

impl Versions {
    fn add(&mut self, no: TenantNo, kind: Kind, id: &Id, version: Seq) {
        self.records.push((mark_of(no, kind, id), version));
    }

    /// Returns the entry that left a record as it is; none: there is no such record.
    pub fn of(&self, no: TenantNo, kind: Kind, id: &Id) -> Option<Seq> {
        let mark = mark_of(no, kind, id);
        let place = self
            .records
            .binary_search_by_key(&mark, |(mark, _)| *mark)
            .ok()?;
        self.records.get(place).map(|(_, version)| *version)
    }

    /// Returns how many records were left as they are by an entry behind one place and up to
    /// another.
    pub fn count(&self, after: Seq, upto: Seq) -> u64 {
        let within = self.records.iter();
        within
            .filter(|(_, seq)| *seq > after && *seq <= upto)
            .count() as u64
    }
}

impl Check<'_> {
    /// Compares all records with what stands for them. Returns which entries left them so.
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

    /// Returns tenant and kind of all that there is anything of.
    fn kinds(&mut self) -> Vec<(TenantNo, Kind)> {
        let mut kinds = Vec::new();
        for space in [Space::State, Space::Bucket, Space::Census] {
            // From one kind to the next, over the rows in between.
            let mut from: Key = vec![space as u8];
            loop {
                let next = scan::after(
                    self.view.db,
                    &[space as u8],
                    std::ops::Bound::Included(from),
                );
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

    /// Goes from bucket to bucket, each with the records that it stands for.
    fn kind(&mut self, no: TenantNo, kind: Kind, place: &str, versions: &mut Versions) {
        let prefix = keys::bucket_prefix(no, kind);
        let mut from = std::ops::Bound::Included(prefix.clone());
        let mut last: Option<Id> = None;
        loop {
            let _still = self.view.still();
            let row = scan::after(self.view.db, &prefix, from).next().transpose();
            let Some(Some((key, value))) = self.take(place, row) else {
                break;
            };
            from = std::ops::Bound::Excluded(key.to_vec());
            let Some(bucket) = self.take(place, Bucket::read(&key, &value)) else {
                continue;
            };
            let Some((upto, _)) = bucket.0.last() else {
                continue;
            };
            let upto = upto.clone();
            self.bucket(no, kind, place, (last.as_ref(), &upto), &bucket, versions);
            last = Some(upto);
        }
        let _still = self.view.still();
        let behind = block::after(self.view.db, no, kind, last.as_ref());
        if let Some(mut behind) = self.take(place, behind)
            && let Some(next) = behind.next()
            && let Some((_, entry)) = self.take(place, next)
        {
            self.fault(
                format!("{kind} {} of {}", entry.id, self.named(no)),
                "is there without a fingerprint",
            );
        }
    }

    /// Compares the records from behind an id up to another with a bucket.
    fn bucket(
        &mut self,
        no: TenantNo,
        kind: Kind,
        place: &str,
        (after, upto): (Option<&Id>, &Id),
        bucket: &Bucket,
        versions: &mut Versions,
    ) {
        let Some(blocks) = self.take(place, block::after(self.view.db, no, kind, after)) else {
            return;
        };
        let mut entries = Vec::new();
        let mut is_readable = true;
        for read in blocks {
            match read {
                Ok((_, entry)) if entry.id > *upto => break,
                Ok(read) => entries.push(read),
                Err(error) => {
                    is_readable = false;
                    self.take::<()>(place, Err(error));
                }
            }
        }
        let mut entries = entries.into_iter().peekable();
        for (id, print) in &bucket.0 {
            while let Some((_, extra)) = entries.next_if(|(_, entry)| entry.id < *id) {
                let extra = format!("{kind} {} of {}", extra.id, self.named(no));
                self.fault(extra, "is there without a fingerprint");
            }
            let what = format!("{kind} {id} of {}", self.named(no));
            match entries.next_if(|(_, entry)| entry.id == *id) {
                Some((key, entry)) => {
                    versions.add(no, kind, id, entry.version);
                    self.checked.records += 1;
                    self.take(what, read(&key, &entry, kind, *print));
                }
                // What a block that is not to be read would have had is not missing besides.
                None if is_readable => self.fault(what, "has a fingerprint and no record"),
                None => {}
            }
        }
        self.tick(1);
    }
}

fn read(
    key: &[u8],
    entry: &Entry,
    kind: Kind,
    print: crate::model::Fingerprint,
) -> Result<(), StoreError> {
    let kept = state::read(key, entry, print)?;
    match kept.record.kind() == kind {
        true => Ok(()),
        false => Err(codec::flawed(key, "holds one of another kind")),
    }
}
