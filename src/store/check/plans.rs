//! Checks that plans have the rows that they count.

use std::ops::Bound;

use crate::model::{PlanId, PlanState};
use crate::store::engine::scan;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, held, v1, v8};
use crate::store::values::held::RemovalSum;
use crate::store::values::tenant_no::TenantNo;

use super::Check;
use super::layouts::{self, Encoding};

impl Check<'_> {
    pub(super) fn plans(&mut self) {
        let of = |key: &[u8]| {
            let no = key.get(1..).and_then(<[u8]>::first_chunk);
            no.map(|no| TenantNo(u32::from_be_bytes(*no)))
        };
        let format = self.view.format;
        self.simple(Keyspace::PlanRow, |key, value| {
            layouts::read::<v1::Write<'_>, v8::plan::Write<'_>>(
                format,
                Encoding::Packed,
                (key, value),
            )?;
            Ok(of(key))
        });
        self.simple(Keyspace::Removal, |key, value| {
            let removal = held::read(key, value)?;
            let no = of(key);
            let expected = no
                .zip(keys::plan_of_removal(key))
                .map(|(no, plan)| keys::removal(no, plan, &removal.record));
            match expected.as_deref() == Some(key) {
                true => Ok(no),
                false => Err(codec::flawed(key, "tells of another record")),
            }
        });
        self.simple(Keyspace::Plan, |key, value| {
            codec::read_row::<v1::PlanRow<'_>>(key, value).map(|_| of(key))
        });
        self.simple(Keyspace::Held, |key, value| {
            held::read_plan(key, value).map(|_| of(key))
        });
        let tenants: Vec<TenantNo> = self.tenants.keys().copied().collect();
        for no in tenants {
            self.sealed(no);
            self.held(no);
        }
    }

    /// Checks that a sealed plan has as many rows as are not yet carried out.
    fn sealed(&mut self, no: TenantNo) {
        let _still = self.view.still();
        let db = self.view.db;
        let place = format!("the plan of {}", self.named(no));
        let key = keys::plan(no);
        let read = scan::get(db, &key).and_then(|value| match value {
            Some(value) => codec::read_row::<v1::PlanRow<'_>>(&key, &value).map(Some),
            None => Ok(None),
        });
        let Ok(Some(plan)) = read else {
            return;
        };
        let rows = scan::prefix(db, &keys::plan_rows(no)).flatten();
        let (rows, done, total) = (rows.count() as u64, plan.rows_done, plan.head.rows_total);
        if rows + u64::from(done) != u64::from(total) {
            let what = format!("of {total} rows {done} are carried out and {rows} are there");
            self.fault(place, what);
        }
    }

    /// Checks that a held plan has the removals that it counts, as long as an operator may decide
    /// on it.
    fn held(&mut self, no: TenantNo) {
        let mut from = Bound::Included(keys::held_prefix(no));
        loop {
            let _still = self.view.still();
            let row = scan::after(self.view.db, &keys::held_prefix(no), from).next();
            let place = format!("a held plan of {}", self.named(no));
            let Some(Some((key, value))) = self.take(&*place, row.transpose()) else {
                return;
            };
            from = Bound::Excluded(key.to_vec());
            let Ok(plan) = held::read_plan(&key, &value) else {
                continue;
            };
            let place = format!("{} of {}", plan.id, self.named(no));
            if keys::trailing_number(&key).map(PlanId) != Some(plan.id) {
                self.fault(&*place, "is kept under another number");
            }
            let removals = scan::prefix(self.view.db, &keys::removals(no, plan.id));
            let removals =
                removals.map(|row| row.and_then(|(key, value)| held::read(&key, &value)));
            let found = RemovalSum::of(removals.flatten());
            // A closed plan may be about to be removed.
            let is_open = match plan.state {
                PlanState::Held | PlanState::Approved { .. } | PlanState::Rejected { .. } => true,
                PlanState::Applied { .. }
                | PlanState::Superseded { .. }
                | PlanState::Recovered { .. } => false,
            };
            if is_open && (found.count, found.checksum) != (plan.entries, plan.checksum) {
                let what = format!(
                    "its removals are not those that were held: {} of {}",
                    found.count, plan.entries
                );
                self.fault(place, what);
            }
        }
    }
}
