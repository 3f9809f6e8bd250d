//! Composes the one batch that writes a commit's state, fingerprints, census, journal and progress
//! together. Runs on the writer's thread, the only one that writes.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::{Fingerprint, Id, Kind, ListId, Timestamp, UserId};
use crate::store::engine::files::pending::Rows;
use crate::store::engine::scan;
use crate::store::engine::writing::prepared::Prepared;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{codec, entry, v1, v3, v5};
use crate::store::values::census::Census;
use crate::store::values::head::Head;
use crate::store::values::rights::ListHead;
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

use super::block::{self, After};
use super::bucket::{self, Bucket};
use super::posting::note::Note;

/// The most operations in one atomic write. sled pins its garbage collector once for each: at 200
/// memory stays flat, at 1000 it grows by a gigabyte over a million updates.
const MAX_OPERATIONS: usize = 200;

/// Rows that end each batch: the head, and the live size.
const LAST: usize = 2;

/// The rows of a batch, and the head after it.
pub struct Composed {
    pub rows: Rows,
    pub head: Head,
}

/// Composes a batch of plain rows, and of an entry that accompanies them.
pub fn rows(head: &Head, rows: Vec<Row>, fact: Option<(Timestamp, Vec<u8>)>) -> Composed {
    let mut batch = Draft::default();
    for (key, value) in rows {
        batch.set(key, value);
    }
    let mut after = *head;
    if let Some((at, entry)) = fact {
        after.advance(at);
        batch.entry(&after, &entry);
    }
    batch.finish(after)
}

/// Composes the batch of a commit.
pub fn commit(db: &sled::Db, head: &Head, prepared: Prepared) -> Result<Composed, StoreError> {
    let mut draft = Draft::default();
    let (no, at) = (prepared.tenant, prepared.at);
    let mut after = *head;
    if prepared.plan_rows > 0 {
        advance_plan(db, &mut draft, no, prepared.plan_rows)?;
    }
    let mut records: BTreeMap<Kind, BTreeMap<Id, Option<After>>> = BTreeMap::new();
    let gone = users_gone(&prepared);
    for write in prepared.writes {
        let of_kind = records.entry(write.kind).or_default();
        let version = match &write.entry {
            Some(entry) => {
                after.advance(at);
                draft.entry(&after, entry);
                Some(after.version)
            }
            None => match of_kind.get(&write.id) {
                Some(Some(earlier)) => earlier.version,
                Some(None) | None => None,
            },
        };
        let left = write.state.map(|(print, body)| After {
            version,
            print,
            body: prepared.bodies.slice(body),
        });
        of_kind.insert(write.id, left);
    }
    let (mut blocks, mut overfull) = (Vec::new(), Vec::new());
    let mut note = Note::begin(db, no)?;
    for (kind, changes) in records {
        let mut packing = Packing {
            db,
            no,
            kind,
            draft: &mut draft,
        };
        let mut known = BTreeMap::new();
        overfull.extend(packing.pack(&changes, &mut known)?);
        let look = &mut |key: &[u8], before: Option<&[u8]>, now: Option<&[u8]>| match kind {
            Kind::User | Kind::Group => note.look(key, before, now),
            Kind::Role => Ok(()),
        };
        blocks.extend(block::change(db, (no, kind), changes, &known, look)?);
    }
    draft.rows.extend(note.rows(head.commits + 1)?);
    for (key, value) in prepared.rows {
        draft.set(key, value);
    }
    tell(
        &mut draft,
        &mut after,
        &prepared.entries,
        (no, at, &prepared.lists),
    );
    if prepared.is_loaded {
        let (key, value) = codec::put(keys::loaded(no), &v1::Seq::from(after.last));
        draft.set(key, value);
    }
    // The blocks are still to be added.
    let mut n_free = draft.n_free().saturating_sub(blocks.len());
    remove_sessions(db, &mut draft, (no, gone), &mut n_free)?;
    for changed in blocks {
        draft.rows.extend(changed.rows(&mut n_free));
    }
    divide(&mut draft, overfull, n_free);
    Ok(draft.finish(after))
}

/// Adds the entries that follow the entries of the writes, and the heads of their lists.
fn tell(
    draft: &mut Draft,
    after: &mut Head,
    told: &[Vec<u8>],
    (no, at, lists): (TenantNo, Timestamp, &[(usize, ListId, u64)]),
) {
    for (number, entry) in told.iter().enumerate() {
        after.advance(at);
        draft.entry(after, entry);
        for (_, list, count) in lists.iter().filter(|(of, ..)| *of == number) {
            let head = ListHead {
                entry: after.last,
                count: *count,
            };
            let row = v5::ListHead::from(head);
            let (key, value) = codec::put(keys::list_head(no, *list), &row);
            draft.set(key, value);
        }
    }
}

fn users_gone(prepared: &Prepared) -> Vec<UserId> {
    let writes = prepared.writes.iter();
    let gone = writes.filter(|write| write.kind == Kind::User && write.state.is_none());
    gone.map(|write| UserId(write.id.clone())).collect()
}

/// Removes the session rows of users who are deleted, as many as the batch takes. Maintenance
/// removes the others.
fn remove_sessions(
    db: &sled::Db,
    draft: &mut Draft,
    (no, gone): (TenantNo, Vec<UserId>),
    n_free: &mut usize,
) -> Result<(), StoreError> {
    for user in gone {
        for key in [keys::session(no, &user), keys::sessions_since(no, &user)] {
            if *n_free > 0 && get(db, &key)?.is_some() {
                draft.set(key, None);
                *n_free -= 1;
            }
        }
    }
    Ok(())
}

/// The rows to write. A key that is set twice is written once.
#[derive(Default)]
pub struct Draft {
    rows: Rows,
}

impl Draft {
    pub fn set(&mut self, key: Key, value: Option<Vec<u8>>) {
        self.rows.insert(key, value);
    }

    /// Adds an entry, which the head already counts as the last.
    fn entry(&mut self, head: &Head, body: &[u8]) {
        let key = keys::journal(head.last);
        let value = entry::seal(&key, head.at, head.version, body);
        self.set(key, Some(value));
    }

    /// Returns how many operations there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns how many more operations fit, not counting the last ones.
    pub fn n_free(&self) -> usize {
        MAX_OPERATIONS.saturating_sub(self.rows.len() + LAST)
    }

    /// Completes the batch with the head after its entries.
    pub fn finish(mut self, mut head: Head) -> Composed {
        head.commits += 1;
        let (key, value) = codec::put(keys::head(), &v3::Head::from(head));
        self.set(key, value);
        // The writer adds the live size.
        let operations = self.rows.len() + LAST - 1;
        debug_assert!(
            operations <= MAX_OPERATIONS,
            "{operations} operations in one batch"
        );
        Composed {
            rows: self.rows,
            head,
        }
    }
}

/// A bucket that should be divided, if the batch takes its pieces.
struct Overfull {
    key: Key,
    no: TenantNo,
    kind: Kind,
    bucket: Bucket,
}

/// The fingerprints of one kind that are being put into their buckets.
struct Packing<'draft> {
    db: &'draft sled::Db,
    no: TenantNo,
    kind: Kind,
    draft: &'draft mut Draft,
}

impl Packing<'_> {
    fn pack(
        &mut self,
        wanted: &BTreeMap<Id, Option<After>>,
        known: &mut BTreeMap<Id, Fingerprint>,
    ) -> Result<Vec<Overfull>, StoreError> {
        let key = keys::census(self.no, self.kind);
        let mut census = match get(self.db, &key)? {
            Some(value) => codec::read_row::<v1::Census>(&key, &value)?.into(),
            None => Census::default(),
        };
        let prefix = keys::bucket_prefix(self.no, self.kind);
        let mut overfull = Vec::new();
        let print = |after: &Option<After>| after.as_ref().map(|after| after.print);
        let mut rest = wanted
            .iter()
            .map(|(id, after)| (id, print(after)))
            .peekable();
        while let Some(&(first, _)) = rest.peek() {
            let (key, value) = bucket::holding(self.db, self.no, self.kind, first)?;
            let end = scan::key_after(self.db, &prefix, &key)?;
            let mut bucket = match value {
                Some(value) => Bucket::read(&key, &value)?,
                None => Bucket::default(),
            };
            let mut changes = Vec::new();
            while let Some(change) = rest.next_if(|(id, _)| self.is_before(id, end.as_deref())) {
                changes.push(change);
            }
            bucket.apply(&changes, |id, before| {
                if let Some(before) = before {
                    census.remove(id, before);
                    known.insert(id.clone(), before);
                }
            });
            for (id, after) in changes {
                if let Some(after) = after {
                    census.add(id, after);
                }
            }
            overfull.extend(self.keep(key, bucket));
        }
        let (key, value) = codec::put(key, &v1::Census::from(census));
        self.draft.set(key, value);
        Ok(overfull)
    }

    fn keep(&mut self, key: Key, bucket: Bucket) -> Option<Overfull> {
        let value = (!bucket.0.is_empty()).then(|| bucket.write(&key));
        let over = bucket.pieces() > 1;
        self.draft.set(key.clone(), value);
        over.then_some(Overfull {
            key,
            no: self.no,
            kind: self.kind,
            bucket,
        })
    }

    fn is_before(&self, id: &Id, end: Option<&[u8]>) -> bool {
        end.is_none_or(|end| keys::bucket(self.no, self.kind, id).as_slice() < end)
    }
}

/// Divides the buckets that are too large, if the batch takes the additional rows; the others are
/// divided another time.
fn divide(draft: &mut Draft, overfull: Vec<Overfull>, mut n_free: usize) {
    for Overfull {
        key,
        no,
        kind,
        bucket,
    } in overfull
    {
        let pieces = bucket.pieces();
        if pieces - 1 > n_free {
            continue;
        }
        n_free -= pieces - 1;
        for (index, piece) in bucket.divide(pieces).into_iter().enumerate() {
            // The first piece keeps the bucket's key, which may begin before its first id.
            let key = match piece.0.first() {
                Some((first, _)) if index > 0 => keys::bucket(no, kind, first),
                Some(_) | None => key.clone(),
            };
            let value = piece.write(&key);
            draft.set(key, Some(value));
        }
    }
}

fn advance_plan(
    db: &sled::Db,
    draft: &mut Draft,
    no: TenantNo,
    rows: u32,
) -> Result<(), StoreError> {
    let key = keys::plan(no);
    let value = get(db, &key)?.ok_or(StoreError::NoSuchPlan { what: "no head" })?;
    let mut plan: v1::PlanRow<'_> = codec::read_row(&key, &value)?;
    let done = plan.rows_done.saturating_add(rows);
    if done > plan.head.rows_total {
        return Err(StoreError::NoSuchPlan {
            what: "fewer rows than were read",
        });
    }
    let prefix = keys::plan_rows(no);
    let from = Bound::Included(prefix.clone());
    let first = scan::after(db, &prefix, from).take(usize::try_from(rows).unwrap_or(usize::MAX));
    for row in first {
        draft.set(row?.0.to_vec(), None);
    }
    plan.rows_done = done;
    let value = (done < plan.head.rows_total).then(|| codec::row(&key, &plan));
    draft.set(key, value);
    Ok(())
}

fn get(db: &sled::Db, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
    db.get(key).map_err(reading)
}

fn reading(error: sled::Error) -> StoreError {
    StoreError::sled("reading what a commit changes", error)
}
