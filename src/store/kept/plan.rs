//! The changes of a run, if they exceed one commit: rows, then a seal, then commits that remove the
//! rows as they are carried out. A plan that was not sealed never happened.

use std::ops::Bound;

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1, v8};
use crate::store::values::commit::Write;
use crate::store::values::plan::{Plan, PlanHead};
use crate::store::values::tenant_no::TenantNo;

impl Store {
    /// Replaces rows of a plan that is not sealed, the first of them at `from`; `None` removes a
    /// row.
    pub fn replace_rows(
        &self,
        no: TenantNo,
        from: u32,
        rows: &[Option<Write>],
    ) -> Result<(), StoreError> {
        let numbered = (from..).zip(rows).map(|(row, write)| {
            let key = keys::plan_row(no, row);
            let value = write
                .as_ref()
                .map(|write| codec::packed_row(&key, &v8::plan::Write::from(write)));
            (key, value)
        });
        self.write_all(numbered.collect())
    }

    /// Stores rows of a plan, the first of them at `from`. Rows are carried out in the order of
    /// their numbers, which may have gaps; staging a number again replaces its row.
    pub fn stage(&self, no: TenantNo, from: u32, rows: &[Write]) -> Result<(), StoreError> {
        let numbered = (from..).zip(rows).map(|(row, write)| {
            let key = keys::plan_row(no, row);
            let value = codec::packed_row(&key, &v8::plan::Write::from(write));
            (key, Some(value))
        });
        self.write_all(numbered.collect())
    }

    /// Returns how many rows are staged.
    pub fn count_plan_rows(&self, no: TenantNo) -> Result<u32, StoreError> {
        self.engine.read("reading a plan", |reader| {
            reader
                .prefix(&keys::plan_rows(no))
                .try_fold(0_u32, |n, row| row.map(|_| n + 1))
        })
    }

    /// Makes the staged rows count: from here on they will be committed, even after a crash.
    pub fn seal_plan(&self, no: TenantNo, head: &PlanHead) -> Result<(), StoreError> {
        let staged = self.count_plan_rows(no)?;
        if staged == 0 || staged != head.rows_total {
            return Err(StoreError::NoSuchPlan {
                what: "some of its rows are missing",
            });
        }
        let row = v1::PlanRow {
            head: head.into(),
            rows_done: 0,
        };
        self.engine.write(vec![codec::put(keys::plan(no), &row)])?;
        Ok(())
    }

    /// Returns the tenant's sealed plan; `None` if there is none.
    pub fn plan(&self, no: TenantNo) -> Result<Option<Plan>, StoreError> {
        self.engine.read("reading a plan", |reader| {
            let key = keys::plan(no);
            let Some(value) = reader.get(&key)? else {
                return Ok(None);
            };
            let v1::PlanRow { head, rows_done } = codec::read_row(&key, &value)?;
            let head = head.into();
            Ok(Some(Plan { head, rows_done }))
        })
    }

    /// Returns rows that were not yet committed, in order, from a number on.
    pub fn plan_rows_from(
        &self,
        no: TenantNo,
        row: u32,
        limit: usize,
    ) -> Result<Vec<Write>, StoreError> {
        let prefix = keys::plan_rows(no);
        let from = Bound::Included(keys::plan_row(no, row));
        self.engine.read("reading a plan", |reader| {
            reader
                .after(&prefix, from)
                .take(limit)
                .map(|row| {
                    let (key, value) = row?;
                    codec::read_packed_row::<v8::plan::Write<'_>>(&key, &value).map(Into::into)
                })
                .collect()
        })
    }

    /// Removes the tenant's plan, sealed or not.
    pub fn drop_plan(&self, no: TenantNo) -> Result<(), StoreError> {
        // The head goes first: rows without a head do not count.
        let head = keys::plan(no);
        let sealed = self
            .engine
            .read("reading a plan", |reader| Ok(reader.get(&head)?.is_some()))?;
        if sealed {
            self.engine.write(vec![(head, None)])?;
        }
        self.remove_rows(&keys::plan_rows(no))
    }
}
