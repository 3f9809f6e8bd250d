//! Stores what is assigned to each subject of a tenant's licence, and how far the listing was read.
//!
//! Each subject has a row of its own. One write stores a page of the listing together with the
//! position of the reading. So an interrupted reading continues where it stopped, and stores
//! nothing twice.

use std::collections::BTreeMap;

use crate::lock::lock;
use crate::model::{LicenceAssignment, SubjectKey};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::v7::licence as v7;
use crate::store::layout::v10::licence as v10;
use crate::store::layout::{codec, keys};
use crate::store::values::licence::{KeptLicence, LicenceReading};
use crate::store::values::reading::ReadingMark;
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// How many rows are read or removed at once.
const AT_ONCE: usize = 500;

impl Store {
    /// Returns the assignments of a tenant in the order of subjects, after a given subject.
    pub fn licences(
        &self,
        no: TenantNo,
        after: Option<&SubjectKey>,
        limit: usize,
    ) -> Result<Vec<KeptLicence>, StoreError> {
        let after = after.map(|subject| keys::licence(no, subject));
        let span = (keys::licences_prefix(no), after);
        self.page("reading licences", span, limit, read)
    }

    /// Returns how far the licence of a tenant was read.
    pub fn licence_reading(&self, no: TenantNo) -> Result<LicenceReading, StoreError> {
        let key = keys::licence_reading(no);
        let what = "reading how far licences were read";
        match self.row(what, &key, codec::read_row::<v10::LicenceReading>)? {
            Some(row) => Ok(row.into()),
            // A damaged store may have lost this row and kept others: continue from their numbers.
            None => Ok(LicenceReading {
                mark: ReadingMark {
                    number: self.last_number(no)?,
                    ..ReadingMark::default()
                },
                ..LicenceReading::default()
            }),
        }
    }

    /// Returns the highest number of a reading that a row has; 0 if there are no rows.
    fn last_number(&self, no: TenantNo) -> Result<u64, StoreError> {
        let (mut last, mut after) = (0, None);
        loop {
            let page = self.licences(no, after.as_ref(), AT_ONCE)?;
            let Some(kept) = page.last() else {
                return Ok(last);
            };
            after = Some(kept.subject.clone());
            last = page.iter().map(|kept| kept.reading).fold(last, u64::max);
        }
    }

    /// Stores assignments that a reading has found, and how far it has got. Both are on disk when
    /// it returns.
    pub fn keep_licences(
        &self,
        no: TenantNo,
        shown: Vec<LicenceAssignment>,
        reading: LicenceReading,
    ) -> Result<(), StoreError> {
        // Nobody may write a row between our read and our write.
        let _alone = lock(&self.guards.numbering);
        let mut by_subject: BTreeMap<SubjectKey, Vec<LicenceAssignment>> = BTreeMap::new();
        for assignment in shown {
            let of_subject = by_subject.entry(assignment.key()).or_default();
            of_subject.push(assignment);
        }
        let mut rows: Vec<Row> = Vec::new();
        for (subject, shown) in by_subject {
            let key = keys::licence(no, &subject);
            let known = self.row("reading a licence", &key, read)?;
            // Assignments of an earlier reading are replaced; those of this reading stay.
            let known = known.filter(|known| known.reading == reading.mark.number);
            let mut assignments = known.map(|known| known.assignments).unwrap_or_default();
            for assignment in shown {
                let is_same = |it: &LicenceAssignment| {
                    it.subject == assignment.subject && it.sort == assignment.sort
                };
                assignments.retain(|it| !is_same(it));
                assignments.push(assignment);
            }
            let row = v7::LicenceRow {
                assignments: assignments.into_iter().map(Into::into).collect(),
                reading: reading.mark.number,
            };
            rows.push(codec::put(key, &row));
        }
        rows.push(self.row_of_reading(no, reading)?);
        // The cursor is in the last row: after a crash before that, the page is read again.
        self.write_all(rows)
    }

    /// Stores how far the licence of a tenant was read.
    pub fn set_licence_reading(
        &self,
        no: TenantNo,
        reading: LicenceReading,
    ) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let row = self.row_of_reading(no, reading)?;
        self.engine.write(vec![row]).map(drop)
    }

    /// Notes that the audit log named the licence of a tenant; on disk when it returns.
    pub fn note_licence(&self, no: TenantNo) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let mut reading = self.licence_reading(no)?;
        reading.named.times += 1;
        let row = v10::LicenceReading::from(reading);
        self.engine
            .write(vec![codec::put(keys::licence_reading(no), &row)])
            .map(drop)
    }

    /// Returns the row that says how far a licence was read. The caller must hold the lock, so that
    /// nobody else writes it meanwhile.
    fn row_of_reading(&self, no: TenantNo, mut reading: LicenceReading) -> Result<Row, StoreError> {
        // The audit log may have named the licence since the caller read the row.
        reading.named.times = self.licence_reading(no)?.named.times;
        let row = v10::LicenceReading::from(reading);
        Ok(codec::put(keys::licence_reading(no), &row))
    }

    /// Returns how many subjects a reading did not show, and how many there are in all.
    pub fn count_licences(&self, no: TenantNo, number: u64) -> Result<(u64, u64), StoreError> {
        let (mut others, mut all) = (0, 0);
        let mut after = None;
        loop {
            let page = self.licences(no, after.as_ref(), AT_ONCE)?;
            let Some(last) = page.last() else {
                return Ok((others, all));
            };
            after = Some(last.subject.clone());
            all += page.len() as u64;
            others += page.iter().filter(|kept| kept.reading != number).count() as u64;
        }
    }

    /// Removes the subjects that this reading and later ones did not show. Returns how many there
    /// were.
    pub fn remove_licences(&self, no: TenantNo, before: u64) -> Result<u64, StoreError> {
        let (mut n_removed, mut after) = (0, None);
        loop {
            let page = self.licences(no, after.as_ref(), AT_ONCE)?;
            let Some(last) = page.last() else {
                return Ok(n_removed);
            };
            after = Some(last.subject.clone());
            let gone = page.iter().filter(|kept| kept.reading < before);
            let gone: Vec<Row> = gone
                .map(|kept| (keys::licence(no, &kept.subject), None))
                .collect();
            n_removed += gone.len() as u64;
            self.write_all(gone)?;
        }
    }
}

pub(super) fn read(key: &[u8], value: &[u8]) -> Result<KeptLicence, StoreError> {
    let v7::LicenceRow {
        assignments,
        reading,
    } = codec::read_row(key, value)?;
    let subject = keys::licence_of(key).ok_or_else(|| codec::flawed(key, "of no subject"))?;
    Ok(KeptLicence {
        subject,
        assignments: assignments.into_iter().map(Into::into).collect(),
        reading,
    })
}
