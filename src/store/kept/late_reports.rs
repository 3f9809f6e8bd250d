//! Stores what the audit log reports of a change after it was found, in a row beside its entry.
//!
//! An event may appear in the log after we found the change that it reports, or after other events
//! about the same record. Entries never change, so such an event goes into a row of its own. Code
//! that needs the reports of an entry adds those of its row. A row is kept as long as its entry.

use std::collections::BTreeMap;

use crate::model::{Entry, Fact, Record, RecordRef, Reported, Seq, TenantId, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{codec, v9};
use crate::store::values::row::Row;

/// How many entries are read at once, and how many in all: if there are more since the event
/// happened, reading them would take too long.
const AT_ONCE: u64 = 500;
const MAX_READ: u64 = 50_000;

/// How far the source's clock may be ahead of ours.
const SKEW_MILLIS: i64 = 120_000;

impl Store {
    /// Adds events that appeared late in the log to the changes of this tenant that were already
    /// found and that the events may have caused. The rows are on disk when it returns; doing it
    /// twice changes nothing.
    pub fn note_late_reports(
        &self,
        tenant: &TenantId,
        events: &[(RecordRef, Reported)],
    ) -> Result<(), StoreError> {
        let mut by_record: BTreeMap<&RecordRef, Vec<&Reported>> = BTreeMap::new();
        for (record, reported) in events {
            by_record.entry(record).or_default().push(reported);
        }
        let Some(first) = events.iter().map(|(_, reported)| reported.first).min() else {
            return Ok(());
        };
        let since = Timestamp::from_millis(first.millis().saturating_sub(SKEW_MILLIS));
        let begin = self.first_seq()?.0;
        let mut end = self.last_seq().0 + 1;
        let floor = end.saturating_sub(MAX_READ).max(begin);
        let mut rows: Vec<Row> = Vec::new();
        while end > floor {
            let low = end.saturating_sub(AT_ONCE).max(floor);
            let n_entries = usize::try_from(end - low).unwrap_or(usize::MAX);
            let entries = self.entries(Seq(low.saturating_sub(1)), n_entries)?;
            let is_last = entries.first().is_none_or(|entry| entry.at < since);
            for entry in entries {
                let is_own = entry.account().is_some_and(|it| it.tenant == *tenant);
                if is_own && let Some(late) = late(&entry, &by_record) {
                    rows.extend(self.with_late(entry.seq, late)?);
                }
            }
            if is_last {
                break;
            }
            end = low;
        }
        self.write_all(rows)
    }

    /// Returns the row of an entry with more events added; `None` if the row already has them.
    fn with_late(&self, seq: Seq, mut late: Reported) -> Result<Option<Row>, StoreError> {
        let known = self.late_report(seq)?;
        if let Some(known) = &known {
            late.add(known);
        }
        let is_new = known.as_ref() != Some(&late);
        let row = || {
            codec::put(
                keys::late_report(seq),
                &v9::late_report::LateReport::from(&late),
            )
        };
        Ok(is_new.then(row))
    }

    /// Returns what was reported of an entry after it was written.
    fn late_report(&self, seq: Seq) -> Result<Option<Reported>, StoreError> {
        self.engine
            .read("reading what was reported late", |reader| {
                let key = keys::late_report(seq);
                let value = reader.get(&key)?;
                value.map(|value| read(&key, &value)).transpose()
            })
    }

    /// Adds to an entry what was reported of it after it was written.
    pub fn add_late_report(&self, entry: &mut Entry) -> Result<(), StoreError> {
        if let Some(reported) = &mut entry.reported
            && let Some(late) = self.late_report(entry.seq)?
        {
            reported.add(&late);
        }
        Ok(())
    }

    /// Adds to entries what was reported of them after they were written. The entries must be in
    /// the order of the journal.
    pub fn add_late_reports(&self, entries: &mut [Entry]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let (from, end) = (keys::late_report(first.seq), keys::late_report(last.seq));
        let late = self
            .engine
            .read("reading what was reported late", |reader| {
                let rows = reader.after(
                    &[Keyspace::LateReport as u8],
                    std::ops::Bound::Included(from),
                );
                let mut late: BTreeMap<Seq, Reported> = BTreeMap::new();
                for row in rows {
                    let (key, value) = row?;
                    if *key > *end {
                        break;
                    }
                    if let Some(seq) = keys::trailing_number(&key) {
                        late.insert(Seq(seq), read(&key, &value)?);
                    }
                }
                Ok(late)
            })?;
        for entry in entries {
            if let (Some(reported), Some(late)) = (&mut entry.reported, late.get(&entry.seq)) {
                reported.add(late);
            }
        }
        Ok(())
    }

    /// Returns the keys of at most `limit` rows whose entries were cut.
    pub(in crate::store) fn late_reports_to_delete(
        &self,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        self.engine
            .read("reading what was reported late", |reader| {
                let end = keys::late_report(reader.cut()?.next());
                let rows = reader.prefix(&[Keyspace::LateReport as u8]).take(limit);
                let keys = rows.map(|row| row.map(|(key, _)| key.to_vec()));
                keys.take_while(|key| key.as_ref().map_or(true, |key| *key < end))
                    .collect()
            })
    }
}

fn read(key: &[u8], value: &[u8]) -> Result<Reported, StoreError> {
    Ok(codec::read_row::<v9::late_report::LateReport>(key, value)?.into())
}

/// Returns the events that may have caused the change in an entry and that the entry does not have
/// yet; `None` if there are none.
fn late(entry: &Entry, events: &BTreeMap<&RecordRef, Vec<&Reported>>) -> Option<Reported> {
    let (Fact::Changed(change), Some(known)) = (&entry.fact, &entry.reported) else {
        return None;
    };
    let of_record = events.get(&change.latest().to_ref())?;
    // By the source's clock if the record shows it, or else by ours.
    let seen = change.after().map_or(Some(entry.at), Record::updated_at);
    let seen = seen.unwrap_or(entry.at).plus(Reported::NEAR);
    let was_seen = change.before().and_then(Record::updated_at);
    let mut late: Option<Reported> = None;
    for reported in of_record {
        // The record before the change was already newer than the event.
        let was_there =
            was_seen.is_some_and(|was_seen| reported.last.plus(Reported::NEAR) < was_seen);
        let mut with = known.clone();
        with.add(reported);
        if reported.first > seen || was_there || with == *known {
            continue;
        }
        match &mut late {
            Some(late) => late.add(reported),
            None => late = Some((*reported).clone()),
        }
    }
    late
}
