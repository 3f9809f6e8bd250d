//! Stores what is assigned to each subject of a tenant's licence, and how far the listing was read.
//!
//! Each subject has a row of its own. One write stores a page of the listing together with the
//! position of the reading. So an interrupted reading continues where it stopped, and stores
//! nothing twice. What a reading has shown counts only once the reading has ended: until then, it
//! stands beside what the last complete reading found.

use std::collections::BTreeMap;

use crate::lock::lock;
use crate::model::{
    Fact, LicenceAssignment, LicenceChange, OtherLicence, SubjectChange, SubjectKey,
    are_same_assignments,
};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::v10::licence as v10;
use crate::store::layout::{codec, keys};
use crate::store::values::licence::{KeptLicence, LicenceEnd, LicenceReading, LicenceReport};
use crate::store::values::reading::ReadingMark;
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// How many rows are read at once.
const AT_ONCE: usize = 500;

/// How many subjects are changed in one write, with one entry: an atomic write may have 200 rows.
const IN_ONE_WRITE: usize = 100;

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
        for (subject, page) in by_subject {
            let key = keys::licence(no, &subject);
            let known = self.row("reading a licence", &key, read)?;
            let mut kept = known.unwrap_or(KeptLicence {
                subject,
                assignments: Vec::new(),
                shown: None,
                reading: reading.mark.number,
                changed_at: None,
            });
            // What an earlier reading has shown is replaced; that of this reading stays.
            let mut shown = match kept.reading == reading.mark.number {
                true => kept.shown.unwrap_or_else(|| kept.assignments.clone()),
                false => Vec::new(),
            };
            for assignment in page {
                let is_same = |it: &LicenceAssignment| {
                    it.subject == assignment.subject && it.sort == assignment.sort
                };
                shown.retain(|it| !is_same(it));
                shown.push(assignment);
            }
            kept.reading = reading.mark.number;
            kept.shown = (shown != kept.assignments).then_some(shown);
            rows.push(codec::put(key, &v10::LicenceRow::from(kept)));
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

    /// Makes what a complete listing has shown what is assigned, and removes subjects that were
    /// last shown too early. Reports each change in an entry that is written with the rows that it
    /// is about: if this is interrupted and repeated, nothing is reported twice. Returns how many
    /// subjects it removed.
    pub fn end_licence_listing(&self, no: TenantNo, end: &LicenceEnd) -> Result<u64, StoreError> {
        let (mut n_removed, mut after) = (0, None);
        loop {
            let page = self.licences(no, after.as_ref(), AT_ONCE)?;
            let Some(last) = page.last() else {
                return Ok(n_removed);
            };
            after = Some(last.subject.clone());
            let edits = page.into_iter().filter_map(|kept| Edit::of(kept, end));
            let edits: Vec<Edit> = edits.collect();
            for part in edits.chunks(IN_ONE_WRITE) {
                n_removed += part.iter().filter(|edit| edit.keep.is_none()).count() as u64;
                self.write_edits(no, part, end.report.as_ref())?;
            }
        }
    }

    /// Stores how far the licence of a tenant is read once a reading has ended, and reports whether
    /// the tenant has another licence.
    pub fn end_licence_reading(
        &self,
        no: TenantNo,
        reading: LicenceReading,
        report: Option<&LicenceReport>,
    ) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let other = OtherLicence {
            before: self.licence_reading(no)?.licence,
            after: reading.licence.clone(),
        };
        let change = LicenceChange {
            licence: (other.before != other.after).then_some(other),
            ..LicenceChange::default()
        };
        let row = self.row_of_reading(no, reading)?;
        self.write_licences(vec![row], change, report)
    }

    fn write_edits(
        &self,
        no: TenantNo,
        edits: &[Edit],
        report: Option<&LicenceReport>,
    ) -> Result<(), StoreError> {
        let rows = edits.iter().map(|edit| {
            let key = keys::licence(no, &edit.subject);
            match &edit.keep {
                Some(kept) => codec::put(key, &v10::LicenceRow::from(kept.clone())),
                None => (key, None),
            }
        });
        let subjects = edits.iter().filter_map(|edit| {
            let change = edit.change.clone()?;
            Some((edit.subject.clone(), change))
        });
        let change = LicenceChange {
            subjects: subjects.collect(),
            ..LicenceChange::default()
        };
        self.write_licences(rows.collect(), change, report)
    }

    /// Writes rows, and the entry about a change if there is one and it is to be reported.
    fn write_licences(
        &self,
        rows: Vec<Row>,
        change: LicenceChange,
        report: Option<&LicenceReport>,
    ) -> Result<(), StoreError> {
        match report {
            Some(report) if change != LicenceChange::default() => {
                let fact = Fact::LicenceChanged(LicenceChange {
                    not_before: report.not_before,
                    ..change
                });
                let origin = (report.run, &report.account);
                self.engine
                    .write_with_entry(rows, report.at, origin, &fact)
                    .map(drop)
            }
            Some(_) | None => self.engine.write(rows).map(drop),
        }
    }
}

/// What the end of a reading changes in the row of a subject.
struct Edit {
    subject: SubjectKey,
    /// What the row says from now on; `None` if it is removed.
    keep: Option<KeptLicence>,
    /// What to report; `None` if the assignments are the same as before.
    change: Option<SubjectChange>,
}

impl Edit {
    /// Returns what changes; `None` if nothing does.
    fn of(kept: KeptLicence, end: &LicenceEnd) -> Option<Self> {
        let subject = kept.subject.clone();
        let is_gone = kept.reading < end.remove_before;
        let is_shown = kept.reading == end.number;
        let after = match (is_gone, &kept.shown) {
            (true, _) => Vec::new(),
            (false, Some(shown)) if is_shown => shown.clone(),
            (false, _) => return None,
        };
        let is_same = are_same_assignments(&kept.assignments, &after);
        let change = (!is_same).then(|| SubjectChange {
            before: kept.assignments.clone(),
            since: kept.changed_at,
            after: after.clone(),
        });
        let keep = (!is_gone).then(|| KeptLicence {
            assignments: after,
            shown: None,
            changed_at: match is_same {
                true => kept.changed_at,
                false => end.report.as_ref().map(|report| report.at),
            },
            ..kept
        });
        Some(Self {
            subject,
            keep,
            change,
        })
    }
}

pub(super) fn read(key: &[u8], value: &[u8]) -> Result<KeptLicence, StoreError> {
    let v10::LicenceRow {
        assignments,
        shown,
        reading,
        changed_at,
    } = codec::read_row(key, value)?;
    let subject = keys::licence_of(key).ok_or_else(|| codec::flawed(key, "of no subject"))?;
    Ok(KeptLicence {
        subject,
        assignments: assignments.into_iter().map(Into::into).collect(),
        shown: shown.map(|shown| shown.into_iter().map(Into::into).collect()),
        reading,
        changed_at,
    })
}
