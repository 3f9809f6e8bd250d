//! Records as they were at an earlier time.

use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::control::{ControlError, MAX_PAGE, Page, RecordPosition, RecordRow, page};
use crate::history::{Picture, covered};
use crate::model::{Id, Kind, Record, Timestamp, Version};
use crate::store::Known;

/// Says whether a record of a tenant is wanted.
pub(super) type Wanted<'a> = &'a dyn Fn(&Known, &Record) -> bool;

impl Reading<'_> {
    /// Fails if the journal does not cover a time for one of the tenants: an answer must not depend
    /// on which of them it comes to.
    pub(super) fn covers(&self, tenants: &[&Known], at: Timestamp) -> Result<(), ControlError> {
        for known in tenants {
            covered(self.store, known, at)?;
        }
        Ok(())
    }

    /// Reads a page of the records of a kind as they were at a time, after a position. It ends when
    /// enough records were read, so that each question is bounded. Fails if the journal does not
    /// cover that time for one of the tenants.
    pub(super) fn page_then(
        &self,
        tenants: &[&Known],
        at: Timestamp,
        (kind, after, limit): (Kind, Option<RecordPosition>, usize),
        is_wanted: Option<Wanted<'_>>,
    ) -> Result<Page<RecordRow, RecordPosition>, ControlError> {
        let limit = page::size(limit);
        let (mut rows, mut next, mut n_read) = (Vec::new(), after, 0);
        for known in tenants {
            let mut after = match &next {
                Some(place) if place.tenant > known.name => continue,
                Some(place) if place.tenant == known.name => Some(place.id.clone()),
                Some(_) | None => None,
            };
            let picture = self.context.pictures.of(self.store, known, Some(at))?;
            let position = |id: &Id| RecordPosition {
                tenant: known.name.clone(),
                id: id.clone(),
            };
            loop {
                if rows.len() == limit || n_read >= MAX_READ {
                    return Ok(Page { rows, next });
                }
                let at_once = match is_wanted {
                    None => limit - rows.len(),
                    Some(_) => MAX_PAGE,
                };
                let found = picture.records(self.store, known, (kind, after.as_ref(), at_once))?;
                n_read += at_once;
                for record in found.records {
                    if rows.len() == limit {
                        return Ok(Page { rows, next });
                    }
                    next = Some(position(record.id()));
                    if is_wanted.is_none_or(|is_wanted| is_wanted(known, &record)) {
                        rows.push(self.row_then(known, &picture, record)?);
                    }
                }
                let Some(last) = found.next else {
                    break;
                };
                next = Some(position(&last));
                after = Some(last);
            }
        }
        Ok(Page::last(rows))
    }

    /// Returns one record as it was at a time, if there was one.
    pub(super) fn record_then(
        &self,
        known: &Known,
        at: Timestamp,
        record: (Kind, &Id),
    ) -> Result<Option<RecordRow>, ControlError> {
        let picture = self.context.pictures.of(self.store, known, Some(at))?;
        let found = picture.record(self.store, known, record)?;
        let row = found.map(|record| self.row_then(known, &picture, record));
        row.transpose()
    }

    fn row_then(
        &self,
        known: &Known,
        picture: &Picture,
        mut record: Record,
    ) -> Result<RecordRow, ControlError> {
        picture.name_mentions(self.store, known, &mut record)?;
        Ok(RecordRow {
            tenant: known.name.clone(),
            version: Version::START,
            record,
            // Only what Qlik sent last is kept.
            raw: "null".into(),
        })
    }
}
