//! Answers questions about records, page by page.

use crate::model::{Id, Kind, RecordRef};
use crate::store::{Kept, Known, Names, StoreError};

use super::choice::Chosen;
use super::meanings::is_called;
use super::reading::Reading;
use super::{ControlError, MAX_PAGE, Page, Query, RecordPosition, RecordRow, page, query};

/// How many records one question reads at most: only a few of many may match.
pub(super) const MAX_READ: usize = 20_000;

impl Query for query::Records {
    type Answer = Page<RecordRow, RecordPosition>;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(self.tenant.as_ref())?;
        Ok(reading.records(&tenants, self)?)
    }
}

impl Query for query::Find {
    type Answer = Vec<RecordRow>;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(self.tenant.as_ref())?;
        Ok(reading.find(self.kind, &tenants, &self.called)?)
    }
}

impl Reading<'_> {
    /// Reads a page of records. It ends when enough records were read, matching or not, so that
    /// each question is bounded.
    fn records(
        &self,
        tenants: &[&Known],
        asked: query::Records,
    ) -> Result<Page<RecordRow, RecordPosition>, StoreError> {
        let query::Records {
            kind,
            choice,
            after,
            limit,
            ..
        } = asked;
        let limit = page::size(limit);
        let mut rows = Vec::new();
        let mut next = after;
        let mut n_read = 0;
        for known in tenants {
            let mut after = match &next {
                Some(place) if place.tenant > known.name => continue,
                Some(place) if place.tenant == known.name => Some(place.id.clone()),
                Some(_) | None => None,
            };
            let chosen = Chosen::of(self.store, known, &choice, &self.context.meanings)?;
            let mut names = Names::of(known.no);
            loop {
                if rows.len() == limit || n_read >= MAX_READ {
                    return Ok(Page { rows, next });
                }
                let at_once = match choice.is_all() {
                    true => limit - rows.len(),
                    false => MAX_PAGE,
                };
                let page = self.store.list(known.no, kind, after.as_ref(), at_once)?;
                n_read += page.len();
                let is_last = page.len() < at_once;
                for kept in page {
                    if rows.len() == limit {
                        return Ok(Page { rows, next });
                    }
                    let id = kept.record.id().clone();
                    after = Some(id.clone());
                    let tenant = known.name.clone();
                    next = Some(RecordPosition { tenant, id });
                    if chosen.has(&kept.record) {
                        rows.push(self.row_of(known, kept, &mut names)?);
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(Page::last(rows))
    }

    fn find(
        &self,
        kind: Kind,
        tenants: &[&Known],
        called: &str,
    ) -> Result<Vec<RecordRow>, StoreError> {
        let mut rows = Vec::new();
        for known in tenants {
            let mut names = Names::of(known.no);
            if let Ok(id) = Id::parse(called)
                && let Some(kept) = self.store.get(known.no, &RecordRef { kind, id })?
            {
                rows.push(self.row_of(known, kept, &mut names)?);
                if rows.len() == MAX_PAGE {
                    return Ok(rows);
                }
                continue;
            }
            let mut after = None;
            loop {
                let page = self.store.list(known.no, kind, after.as_ref(), MAX_PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some(last.record.id().clone());
                let found = page
                    .into_iter()
                    .filter(|kept| is_called(&kept.record, called));
                for kept in found {
                    rows.push(self.row_of(known, kept, &mut names)?);
                    if rows.len() == MAX_PAGE {
                        return Ok(rows);
                    }
                }
            }
        }
        Ok(rows)
    }

    /// Returns the view of a record, with roles and groups by their current names.
    fn row_of(
        &self,
        known: &Known,
        mut kept: Kept,
        names: &mut Names,
    ) -> Result<RecordRow, StoreError> {
        names.join(self.store, &mut kept.record)?;
        Ok(row(known, kept))
    }
}

fn row(known: &Known, kept: Kept) -> RecordRow {
    let Kept {
        record,
        raw,
        version,
    } = kept;
    RecordRow {
        tenant: known.name.clone(),
        version,
        record,
        raw,
    }
}
