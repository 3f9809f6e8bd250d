//! Answers questions about records, page by page.

use crate::model::{Called, Id, Kind, RecordRef};
use crate::store::{Kept, Known, Names, StoreError};

use super::choice::Chosen;
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
    type Answer = Page<RecordRow, RecordPosition>;

    fn about(&self) -> &'static str {
        self.kind.plural()
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let tenants = reading.chosen(self.tenant.as_ref())?;
        Ok(reading.find(&tenants, &self)?)
    }
}

impl Reading<'_> {
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
        self.record_page(tenants, (kind, after, limit), |known| {
            if choice.is_all() {
                return Ok(None);
            }
            let chosen = Chosen::of(self.store, known, &choice, &self.context.meanings)?;
            Ok(Some(move |kept: &Kept| chosen.has(&kept.record)))
        })
    }

    /// Reads a page of the records of a kind, after a position. It ends when enough records were
    /// read, matching or not, so that each question is bounded. `filter_of` returns the filter for
    /// a tenant; `None` if every record matches.
    pub(super) fn record_page<F: Fn(&Kept) -> bool>(
        &self,
        tenants: &[&Known],
        (kind, after, limit): (Kind, Option<RecordPosition>, usize),
        filter_of: impl Fn(&Known) -> Result<Option<F>, StoreError>,
    ) -> Result<Page<RecordRow, RecordPosition>, StoreError> {
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
            let filter = filter_of(known)?;
            let mut names = self.names(known)?;
            loop {
                if rows.len() == limit || n_read >= MAX_READ {
                    return Ok(Page { rows, next });
                }
                let at_once = match filter {
                    None => limit - rows.len(),
                    Some(_) => MAX_PAGE,
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
                    if filter.as_ref().is_none_or(|matches| matches(&kept)) {
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

    /// Reads a page of the records that match a name. It ends when enough records were read.
    fn find(
        &self,
        tenants: &[&Known],
        asked: &query::Find,
    ) -> Result<Page<RecordRow, RecordPosition>, StoreError> {
        let (kind, limit) = (asked.kind, page::size(asked.limit));
        let mut rows = Vec::new();
        let mut n_read = 0;
        for known in tenants {
            let mut after = match &asked.after {
                Some(place) if place.tenant > known.name => continue,
                Some(place) if place.tenant == known.name => Some(place.id.clone()),
                Some(_) | None => None,
            };
            let mut names = self.names(known)?;
            if let Ok(id) = Id::parse(&asked.called)
                && let Some(kept) = self.store.get(known.no, &RecordRef { kind, id })?
            {
                // No other record of the tenant is meant by this id.
                if after.is_none() {
                    rows.push(self.row_of(known, kept, &mut names)?);
                }
                if rows.len() == limit {
                    return Ok(page_after(rows, known, Id::parse(&asked.called).ok()));
                }
                continue;
            }
            loop {
                let page = self.store.list(known.no, kind, after.as_ref(), MAX_PAGE)?;
                n_read += page.len();
                if page.is_empty() {
                    break;
                }
                for kept in page {
                    after = Some(kept.record.id().clone());
                    if kept.record.is_called(&asked.called) {
                        rows.push(self.row_of(known, kept, &mut names)?);
                        if rows.len() == limit {
                            return Ok(page_after(rows, known, after));
                        }
                    }
                }
                if n_read >= MAX_READ {
                    return Ok(page_after(rows, known, after));
                }
            }
        }
        Ok(Page::last(rows))
    }

    /// Returns the view of a record, with roles and groups by their current names.
    pub(super) fn row_of(
        &self,
        known: &Known,
        mut kept: Kept,
        names: &mut Names,
    ) -> Result<RecordRow, StoreError> {
        names.join(self.store, &mut kept.record)?;
        Ok(row(known, kept))
    }
}

/// Returns a page that ends with a record of a tenant.
fn page_after(
    rows: Vec<RecordRow>,
    known: &Known,
    last: Option<Id>,
) -> Page<RecordRow, RecordPosition> {
    let tenant = known.name.clone();
    let next = last.map(|id| RecordPosition { tenant, id });
    Page { rows, next }
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
