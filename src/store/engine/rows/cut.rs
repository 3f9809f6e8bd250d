//! Composes the writes that remove the journal's first entries, and keep those that a row still
//! names. Runs on the writer's thread, so no row can start to name an entry in between.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::model::Seq;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, entry, v1};
use crate::store::values::head::Head;

use super::compose::{Composed, Draft};
use super::journal;

/// Keyspaces whose rows name entries: by endpoint, then by position.
const NAMING: [Keyspace; 3] = [Keyspace::Parked, Keyspace::Deferred, Keyspace::Replay];

/// The most entries that one write removes. A sync's commit that waits for it waits a millisecond.
const AT_ONCE: u64 = 150;

/// Composes the batch that removes the first entries, up to a position, and keeps a copy of those
/// that rows name.
pub fn cut(db: &sled::Db, head: &Head, upto: Seq) -> Result<Composed, StoreError> {
    let mut draft = Draft::default();
    let mut cut = journal::cut_at(db)?;
    let to = upto.min(head.last).min(Seq(cut.0.saturating_add(AT_ONCE)));
    let named = named(db, cut.next(), to)?;
    // There must be space for three rows: the one that records the cut, an entry, and its copy.
    while cut < to && draft.n_free() >= 3 {
        cut = cut.next();
        let key = keys::journal(cut);
        if named.contains(&cut) {
            let value = scan::get(db, &key)?.ok_or_else(|| entry::missing(cut))?;
            let kept = keys::kept(cut);
            let (format, entry) = codec::verify(&key, &value)?;
            let value = codec::seal(format, &kept, &[], entry);
            draft.set(kept, Some(value));
        }
        draft.set(key, None);
    }
    let (key, value) = codec::put(keys::cut(), &v1::Seq::from(cut));
    draft.set(key, value);
    Ok(draft.finish(*head))
}

/// Composes the batch that removes kept entries, if no row names them. They are given in order,
/// with few other kept entries between them.
pub fn forget(db: &sled::Db, head: &Head, seqs: Vec<Seq>) -> Result<Composed, StoreError> {
    let mut draft = Draft::default();
    let named = match seqs.first().zip(seqs.last()) {
        Some((first, last)) => named(db, *first, *last)?,
        None => BTreeSet::new(),
    };
    for seq in seqs {
        if draft.n_free() > 0 && !named.contains(&seq) {
            draft.set(keys::kept(seq), None);
        }
    }
    Ok(draft.finish(*head))
}

/// Looks at some kept entries after a position. Returns the last one it looked at, and those that
/// no row names; `None` if there are no more entries.
pub fn unnamed_after(db: &sled::Db, after: Seq) -> Result<Option<(Seq, Vec<Seq>)>, StoreError> {
    let from = Bound::Excluded(keys::kept(after));
    let kept = scan::after(db, &[Keyspace::Kept as u8], from)
        .take(usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
        .map(|row| row.map(|(key, _)| keys::trailing_number(&key).map(Seq)));
    let kept: Vec<Option<Seq>> = kept.collect::<Result<_, _>>()?;
    let kept: Vec<Seq> = kept.into_iter().flatten().collect();
    let Some((first, last)) = kept.first().zip(kept.last()) else {
        return Ok(None);
    };
    let named = named(db, *first, *last)?;
    let unnamed = kept.iter().filter(|seq| !named.contains(seq)).copied();
    Ok(Some((*last, unnamed.collect())))
}

/// Returns the entries between two positions that rows name. Reads only the rows for these
/// positions, endpoint by endpoint.
fn named(db: &sled::Db, from: Seq, to: Seq) -> Result<BTreeSet<Seq>, StoreError> {
    let mut named = BTreeSet::new();
    for keyspace in NAMING {
        let mut next = Bound::Included(vec![keyspace as u8]);
        while let Some(row) = scan::after(db, &[keyspace as u8], next).next() {
            let (key, _) = row?;
            let endpoint = keys::endpoint_part(&key)
                .ok_or_else(|| codec::flawed(&key, "of no endpoint"))?
                .to_vec();
            let first = Bound::Included(keys::naming(&endpoint, from));
            for row in scan::after(db, &endpoint, first) {
                let (key, _) = row?;
                match keys::named_by(&endpoint, &key) {
                    Some(seq) if seq <= to => named.insert(seq),
                    Some(_) | None => break,
                };
            }
            next = Bound::Excluded(keys::behind_endpoint(&endpoint));
        }
    }
    Ok(named)
}
