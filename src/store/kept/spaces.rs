//! Stores spaces, how far they were read, and which of them must be read again.
//!
//! Each space has a row of its own, with its assignments and shares. One write stores a change: the
//! row, the entry that reports it, and that the space need not be read again.

use crate::lock::lock;
use crate::model::{Fact, Seq, SpaceId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::v6::space as v6;
use crate::store::layout::v8::space as v8;
use crate::store::layout::v9::space_doubts as v9;
use crate::store::layout::{codec, keys};
use crate::store::values::row::Row;
use crate::store::values::space::{
    KeptSpace, SpaceDoubts, SpaceNote, SpaceReading, SpaceReport, SpaceTodo, SpaceWrite,
};
use crate::store::values::tenant_no::TenantNo;

/// The most spaces to read again that one call returns. A later call returns the others.
const MAX_SPACE_TODO: usize = 5_000;

impl Store {
    /// Returns a space.
    pub fn space(&self, no: TenantNo, id: &SpaceId) -> Result<Option<KeptSpace>, StoreError> {
        self.row("reading a space", &keys::space(no, id), read)
    }

    /// Returns the spaces of a tenant in the order of their ids, after a given one.
    pub fn spaces(
        &self,
        no: TenantNo,
        after: Option<&SpaceId>,
        limit: usize,
    ) -> Result<Vec<KeptSpace>, StoreError> {
        let after = after.map(|id| keys::space(no, id));
        let span = (keys::spaces_prefix(no), after);
        self.page("reading spaces", span, limit, read)
    }

    /// Stores a space as it is now, or removes it, together with the entry `report` if it changed.
    /// Removes `done` from the spaces to read again, unless it was noted again meanwhile. Returns
    /// the journal's last entry once all of it is on disk.
    pub fn write_space(
        &self,
        no: TenantNo,
        write: SpaceWrite,
        report: Option<SpaceReport>,
        done: Option<&SpaceTodo>,
    ) -> Result<Seq, StoreError> {
        // Nobody may note the space between our read and our write.
        let _alone = lock(&self.guards.numbering);
        let mut rows: Vec<Row> = vec![match write {
            SpaceWrite::Keep(kept) => {
                let key = keys::space(no, &kept.space.id);
                let row = v6::SpaceRow::from(kept);
                let value = codec::packed_row(&key, &row);
                (key, Some(value))
            }
            SpaceWrite::Remove(id) => (keys::space(no, &id), None),
        }];
        rows.extend(self.row_of_done(no, done)?);
        let committed = match report {
            None => self.engine.write(rows)?,
            Some(report) => {
                let fact = Fact::SpaceChanged(report.change);
                let origin = (report.run, &report.account);
                self.engine
                    .write_with_entry(rows, report.at, origin, &fact)?
            }
        };
        Ok(committed.last)
    }

    /// Returns the lists of a space about which there is a doubt.
    pub fn space_doubts(&self, no: TenantNo, id: &SpaceId) -> Result<SpaceDoubts, StoreError> {
        let key = keys::space_doubts(no, id);
        let what = "reading which lists of a space lost many members";
        let row = self.row(what, &key, codec::read_row::<v9::SpaceDoubts>)?;
        Ok(row.map(Into::into).unwrap_or_default())
    }

    /// Stores the lists of a space about which there is a doubt.
    pub fn set_space_doubts(
        &self,
        no: TenantNo,
        id: &SpaceId,
        doubts: &SpaceDoubts,
    ) -> Result<(), StoreError> {
        let key = keys::space_doubts(no, id);
        let row = match doubts.is_empty() {
            true => (key, None),
            false => codec::put(key, &v9::SpaceDoubts::from(doubts)),
        };
        self.engine.write(vec![row]).map(drop)
    }

    /// Removes an unknown space from the spaces to read again, unless it was noted again.
    pub fn forget_space_todo(&self, no: TenantNo, done: &SpaceTodo) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let rows = self.row_of_done(no, Some(done))?;
        if rows.is_empty() {
            return Ok(());
        }
        self.engine.write(rows).map(drop)
    }

    fn row_of_done(&self, no: TenantNo, done: Option<&SpaceTodo>) -> Result<Vec<Row>, StoreError> {
        let Some(done) = done else {
            return Ok(Vec::new());
        };
        let key = keys::space_todo(no, &done.id);
        let noted = self.noted(&key)?;
        let is_same = noted.is_some_and(|noted| noted.notes == done.notes);
        Ok(if is_same {
            vec![(key, None)]
        } else {
            Vec::new()
        })
    }

    /// Returns how far the spaces of a tenant were read.
    pub fn space_reading(&self, no: TenantNo) -> Result<SpaceReading, StoreError> {
        let key = keys::space_reading(no);
        let what = "reading how far spaces were read";
        let row = self.row(what, &key, codec::read_row::<v8::SpaceReading>)?;
        Ok(row.map(Into::into).unwrap_or_default())
    }

    /// Stores how far the spaces of a tenant were read.
    pub fn set_space_reading(&self, no: TenantNo, reading: SpaceReading) -> Result<(), StoreError> {
        let row = v8::SpaceReading::from(reading);
        self.engine
            .write(vec![codec::put(keys::space_reading(no), &row)])
            .map(drop)
    }

    /// Returns spaces that must be read again, at most a few thousand.
    pub fn space_todo(&self, no: TenantNo) -> Result<Vec<SpaceTodo>, StoreError> {
        let span = (keys::space_todo_prefix(no), None);
        self.page(
            "reading what is to be done",
            span,
            MAX_SPACE_TODO,
            read_todo,
        )
    }

    fn noted(&self, key: &[u8]) -> Result<Option<SpaceTodo>, StoreError> {
        self.row("reading what is to be done", key, read_todo)
    }

    /// Notes that spaces must be read again; on disk when it returns.
    pub fn note_spaces(
        &self,
        no: TenantNo,
        named: impl IntoIterator<Item = (SpaceId, SpaceNote)>,
    ) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let mut rows = Vec::new();
        for (id, said) in named {
            let key = keys::space_todo(no, &id);
            let noted = self.noted(&key)?;
            let todo = v6::SpaceTodo {
                notes: noted.as_ref().map_or(0, |noted| noted.notes) + 1,
                is_gone: said == SpaceNote::Deleted || noted.is_some_and(|noted| noted.is_gone),
            };
            rows.push(codec::put(key, &todo));
        }
        self.write_all(rows)
    }
}

fn read(key: &[u8], value: &[u8]) -> Result<KeptSpace, StoreError> {
    let row: v6::SpaceRow = codec::read_packed_row(key, value)?;
    Ok(row.into())
}

fn read_todo(key: &[u8], value: &[u8]) -> Result<SpaceTodo, StoreError> {
    let id = keys::space_of(key).ok_or_else(|| codec::flawed(key, "of no space"))?;
    let v6::SpaceTodo { notes, is_gone } = codec::read_row(key, value)?;
    Ok(SpaceTodo { id, notes, is_gone })
}
