//! The queries that a read may send to the database, for as long as its closure runs.
//!
//! A read asks for records, entries and runs as such: each engine finds them in its own way. It
//! asks for any other row by its key.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Deref};

use sled::IVec;

use crate::model::{
    EndpointName, Entry, Fingerprint, Id, Kind, RecordRef, Run, RunId, Seq, TenantName, Timestamp,
    UserId,
};
use crate::store::error::StoreError;
use crate::store::layout::keys::Key;
use crate::store::values::census::Census;
use crate::store::values::head::Head;
use crate::store::values::posting::{PostingList, Postings};
use crate::store::values::record::Kept;
use crate::store::values::runs::RunTotals;
use crate::store::values::skimmed::Skimmed;
use crate::store::values::tenant_no::TenantNo;

use super::rows::{cut, endpoints, head, journal, posting, runs, state};
use super::scan;

/// Answers the queries of a read. Nobody outside the engine sees the database behind it.
#[derive(Clone, Copy)]
pub struct Reader<'db> {
    db: &'db sled::Db,
}

/// A key or a value as it was read, without a copy.
pub struct RowBytes(IVec);

impl Deref for RowBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A key and its value, or why they could not be read.
type ReadRow = Result<(RowBytes, RowBytes), StoreError>;

fn wrapped(row: Result<(IVec, IVec), StoreError>) -> ReadRow {
    row.map(|(key, value)| (RowBytes(key), RowBytes(value)))
}

impl<'db> Reader<'db> {
    pub(super) fn of(db: &'db sled::Db) -> Self {
        Self { db }
    }
}

/// Rows by their keys.
impl<'db> Reader<'db> {
    /// Reads one value.
    pub fn get(self, key: &[u8]) -> Result<Option<RowBytes>, StoreError> {
        Ok(scan::get(self.db, key)?.map(RowBytes))
    }

    /// Reads all rows with a prefix, from the lowest key on; iterate from the back to read
    /// backwards.
    pub fn prefix(self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = ReadRow> + use<'db> {
        scan::prefix(self.db, prefix).map(wrapped)
    }

    /// Reads from a key on, or after it, up to the end of a prefix.
    pub fn after(
        self,
        prefix: &[u8],
        after: Bound<Key>,
    ) -> impl Iterator<Item = ReadRow> + use<'db> {
        scan::after(self.db, prefix, after).map(wrapped)
    }
}

/// Records.
impl Reader<'_> {
    /// Reads a record. Commits must wait meanwhile.
    pub fn record(self, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
        state::find(self.db, no, record)
    }

    /// Reads records in the order of their ids, after a given one. Commits must wait meanwhile.
    pub fn records(
        self,
        no: TenantNo,
        kind: Kind,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        state::list(self.db, no, kind, after, limit)
    }

    /// Reads a kind's census; an empty one if nothing was ever written.
    pub fn census(self, no: TenantNo, kind: Kind) -> Result<Census, StoreError> {
        state::census(self.db, no, kind)
    }

    /// Visits all fingerprints of a kind in the order of ids, and compares them with the census.
    /// Commits must wait meanwhile.
    pub fn fingerprints(
        self,
        no: TenantNo,
        kind: Kind,
        visit: &mut dyn FnMut(Id, Fingerprint),
    ) -> Result<Census, StoreError> {
        state::prove(self.db, no, kind, visit)
    }
}

/// Posting lists. Commits must wait meanwhile.
impl Reader<'_> {
    /// Reads which posting lists a tenant has; `None` if their first build has not begun.
    pub fn postings(self, no: TenantNo) -> Result<Option<Postings>, StoreError> {
        posting::read::postings(self.db, no)
    }

    /// Finds the users who are in any of some lists, after a user, at most `limit`. Each gets the
    /// bits of all lists that have it. Returns whether there are more.
    pub fn posted(
        self,
        no: TenantNo,
        lists: &[(PostingList, u8)],
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<(BTreeMap<UserId, u8>, bool), StoreError> {
        posting::read::posted(self.db, no, lists, after, limit)
    }
}

/// The journal.
impl Reader<'_> {
    /// Reads how far the store has got; `None` if nothing was ever written.
    pub fn head(self) -> Result<Option<Head>, StoreError> {
        head::find(self.db)
    }

    /// Returns the position up to which the journal was cut; [`Seq::START`] if it never was.
    pub fn cut(self) -> Result<Seq, StoreError> {
        journal::cut_at(self.db)
    }

    /// Reads entries after a position and after the cut, up to the last one that is on disk.
    pub fn entries(self, after: Seq, limit: usize, last: Seq) -> Result<Vec<Entry>, StoreError> {
        journal::entries(self.db, after, limit, last)
    }

    /// Reads the same entries, but not the records of users in full.
    pub fn skim(self, after: Seq, limit: usize, last: Seq) -> Result<Vec<Skimmed>, StoreError> {
        journal::skim(self.db, after, limit, last)
    }

    /// Reads an entry, even one that was cut while a row still names it; `None` if it was cut and
    /// no row does.
    pub fn entry(self, seq: Seq) -> Result<Option<Entry>, StoreError> {
        journal::entry(self.db, seq)
    }

    /// Reads the first entry after a position, whatever was cut.
    pub fn first_entry_after(self, after: Seq) -> Result<Option<Entry>, StoreError> {
        journal::first_after(self.db, after)
    }

    /// Returns the last entry that was found before a time.
    pub fn last_entry_before(self, last: Seq, since: Timestamp) -> Result<Seq, StoreError> {
        journal::past(self.db, last, since)
    }

    /// Looks at some entries after a position, of those that were cut but kept. Returns the last
    /// one it looked at, and those that no row names any more; `None` if there are no more entries.
    pub fn unnamed_after(self, after: Seq) -> Result<Option<(Seq, Vec<Seq>)>, StoreError> {
        cut::unnamed_after(self.db, after)
    }
}

/// Runs.
impl<'db> Reader<'db> {
    /// Reads the last number that was given to a run.
    pub fn last_run(self) -> Result<RunId, StoreError> {
        runs::last_run(self.db)
    }

    /// Reads how many runs a tenant has, and which was its last whole sweep.
    pub fn tally(self, tenant: &TenantName) -> Result<RunTotals, StoreError> {
        runs::tally(self.db, tenant)
    }

    /// Returns the names of tenants that have runs, in order.
    pub fn tenants_with_runs(
        self,
    ) -> impl Iterator<Item = Result<TenantName, StoreError>> + use<'db> {
        runs::names(self.db)
    }

    /// Reads a run of a tenant.
    pub fn run(self, tenant: &TenantName, id: RunId) -> Result<Option<Run>, StoreError> {
        runs::find(self.db, tenant, id)
    }

    /// Reads the runs of a tenant, the oldest first; iterate from the back for the newest first.
    pub fn runs(
        self,
        tenant: &TenantName,
    ) -> impl DoubleEndedIterator<Item = Result<Run, StoreError>> + use<'db> {
        runs::all(self.db, tenant)
    }

    /// Reads the runs of a tenant backwards, starting before a given one.
    pub fn runs_before(
        self,
        tenant: &TenantName,
        before: Option<RunId>,
    ) -> impl Iterator<Item = Result<Run, StoreError>> + use<'db> {
        runs::newest_before(self.db, tenant, before)
    }

    /// Merges the runs of all tenants, the newest first, and reads no further than requested.
    pub fn runs_of_all(self, before: Option<RunId>, limit: usize) -> Result<Vec<Run>, StoreError> {
        runs::newest_of_all(self.db, before, limit)
    }
}

/// Endpoints.
impl Reader<'_> {
    /// Returns the names of all endpoints that have rows.
    pub fn endpoints(self) -> Result<BTreeSet<EndpointName>, StoreError> {
        endpoints::known(self.db)
    }

    /// Returns the keys of some rows of an endpoint, not counting its cursor.
    pub fn rows_of_endpoint(
        self,
        name: &EndpointName,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        endpoints::rows_of(self.db, name, limit)
    }
}
