//! What is checked before a store is trusted: enough to find lost pages, in well under a second for
//! a million records.

use crate::model::{Entry, Kind, Seq};
use crate::store::engine::rows::{block, journal, state};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::read_cursor;
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

/// The last entries of the journal, all of which are read.
const TAIL: u64 = 200;

/// The most entries to read before these, and the most records to read of each kind of a tenant.
const SAMPLES: u64 = 64;

/// Records to read of all tenants together, unless there are so many tenants that reading
/// [`FEWEST`] of each takes more: every record brings a page into the cache that nobody needs
/// there.
const ALL_SAMPLES: u64 = 512;

/// The fewest records to read of each kind of a tenant.
const FEWEST: u64 = 2;

/// Reads a sample of everything, and all fingerprints.
pub fn sample(db: &sled::Db, head: &Head) -> Result<(), StoreError> {
    check_journal(db, head)?;
    check_cursors(db, head.last)?;
    let mut kinds = Vec::new();
    for row in scan::prefix(db, &[Keyspace::Census as u8]) {
        let (key, _) = row?;
        let kind =
            keys::census_of(&key).ok_or_else(|| codec::flawed(&key, "of no tenant and kind"))?;
        kinds.push(kind);
    }
    let of_each = ALL_SAMPLES
        .checked_div(kinds.len() as u64)
        .unwrap_or_default();
    for (no, kind) in kinds {
        check_records(db, no, kind, of_each.clamp(FEWEST, SAMPLES))?;
    }
    Ok(())
}

fn check_journal(db: &sled::Db, head: &Head) -> Result<(), StoreError> {
    let (cut, last) = (journal::cut_at(db)?.0, head.last.0);
    if cut > last {
        return Err(StoreError::damaged(format!(
            "the journal was cut up to {cut} and ends at {last}"
        )));
    }
    let tail = cut.max(last.saturating_sub(TAIL));
    let step = ((tail - cut) / SAMPLES).max(1);
    let spread = (cut + 1..=tail).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    let mut before: Option<Entry> = None;
    for seq in spread.chain(tail + 1..=last) {
        let entry = journal::find(db, Seq(seq))?;
        if before.as_ref().is_some_and(|before| before.at > entry.at) {
            return Err(StoreError::damaged(format!(
                "journal entry {seq}: out of time"
            )));
        }
        before = Some(entry);
    }
    let mut rows = scan::prefix(db, &[Keyspace::Journal as u8]);
    let oldest = place_of(rows.next())?;
    let newest = place_of(rows.next_back())?.or(oldest);
    let expected = (cut < last).then_some((cut + 1, last));
    if oldest.zip(newest) == expected {
        return Ok(());
    }
    let shown = |place: Option<u64>| place.map_or_else(|| "none".to_owned(), |at| at.to_string());
    Err(StoreError::damaged(format!(
        "the journal's entries are {} to {} where {} to {last} are noted",
        shown(oldest),
        shown(newest),
        cut + 1
    )))
}

fn place_of(
    row: Option<Result<(sled::IVec, sled::IVec), StoreError>>,
) -> Result<Option<u64>, StoreError> {
    let row = row.transpose()?;
    Ok(row.and_then(|(key, _)| keys::trailing_number(&key)))
}

fn check_cursors(db: &sled::Db, last: Seq) -> Result<(), StoreError> {
    for row in scan::prefix(db, &[Keyspace::Cursor as u8]) {
        let (key, value) = row?;
        let cursor = read_cursor(&key, &value)?;
        if cursor.settled > last {
            return Err(codec::flawed(&key, "ahead of the journal"));
        }
    }
    Ok(())
}

fn check_records(db: &sled::Db, no: TenantNo, kind: Kind, wanted: u64) -> Result<(), StoreError> {
    let step = (state::census(db, no, kind)?.count / wanted).max(1);
    let mut sampled = Vec::new();
    let mut index = 0;
    state::prove(db, no, kind, &mut |id, print| {
        if index % step == 0 {
            sampled.push((id, print));
        }
        index += 1;
    })?;
    for (id, print) in sampled {
        let (key, block) = block::holding(db, no, kind, &id)?;
        let entry = block.find(&id);
        let entry = entry.ok_or_else(|| codec::flawed(&key, "lacks a record"))?;
        let kept = state::read(&key, &entry, print)?;
        if kept.record.kind() != kind {
            return Err(codec::flawed(&key, "of another kind"));
        }
    }
    Ok(())
}
