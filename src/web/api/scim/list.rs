//! Lists resources, page by page: by number (RFC 7644, 3.4.2.4) or by cursor (RFC 9865).

use axum::response::Response;

use super::cursor::{After, ScimPageStart};
use super::error::{ScimError, ScimErrorType};
use super::params::{DEFAULT_PAGE, Params};
use super::sent::{say_not_read, sent};
use crate::control::{
    Control, ScimCounting, ScimPage, ScimPosition, ScimRow, SortedPosition, query,
};
use crate::model::TenantName;
use crate::model::scim::{AttributePath, Resource};
use crate::view::{self, ScimListHead};

/// How many records are read at most for one page with a cursor. If few of them match, the page is
/// shorter than was asked for.
const MAX_READ_FOR_CURSOR: u64 = 200_000;

/// A list that is asked for.
pub(super) struct Listing<'a> {
    pub(super) control: &'a Control,
    pub(super) scope: query::ScimScope,
    pub(super) params: Params,
}

/// What was found for a page.
#[derive(Default)]
struct FoundRows {
    rows: Vec<ScimRow>,
    /// How many match; `None` if they were not counted.
    total: Option<u64>,
    next: Option<After>,
    not_read: Vec<TenantName>,
    n_not_read: u64,
}

/// Fails if nothing was asked about but tenants that were not read in full yet: an empty answer
/// would look like a tenant without users.
pub(super) fn not_read(page: &ScimPage) -> Result<(), ScimError> {
    match page.not_read.first() {
        Some(first) if page.n_tenants == 0 => Err(ScimError::not_read(first)),
        Some(_) | None => Ok(()),
    }
}

impl Listing<'_> {
    /// Answers with the page.
    pub(super) async fn page(self) -> Result<Response, ScimError> {
        let list = self.asked();
        let begin = match self.params.cursor.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => {
                let start = ScimPageStart::read(text, &list, self.control.now())?;
                Some(Some(start))
            }
        };
        let limit = self.limit(begin.as_ref().and_then(Option::as_ref))?;
        let by_cursor = begin.is_some();
        let begin = begin.flatten().map(|start| start.after);
        let found = match (&self.params.sort_by, begin) {
            (Some(by), None) => self.sorted(by, None, limit).await?,
            (Some(by), Some(After::Sorted(after))) => self.sorted(by, Some(after), limit).await?,
            (None, None) if by_cursor => self.from(None, limit).await?,
            (None, None) => self.numbered(limit).await?,
            (None, Some(After::Listed(after))) => self.from(Some(after), limit).await?,
            // The checksum covers whether a list is sorted.
            (Some(_), Some(After::Listed(_))) | (None, Some(After::Sorted(_))) => {
                return Err(ScimError::invalid(
                    ScimErrorType::InvalidCursor,
                    "the cursor is of a list in another order",
                ));
            }
        };
        let (not_read, n_not_read) = (found.not_read.clone(), found.n_not_read);
        let mut response = self.message(found, &list, limit, by_cursor.then_some(Cursors));
        say_not_read(&mut response, &not_read, n_not_read);
        Ok(response)
    }

    /// Says what is asked for, apart from the page.
    fn asked(&self) -> String {
        let Self { scope, params, .. } = self;
        let tenant = scope.tenants.called.as_deref();
        let filter = scope.filter.as_ref().map(ToString::to_string);
        let sort_by = params.sort_by.as_ref().map(ToString::to_string);
        format!(
            "{:?} {tenant:?} {filter:?} {sort_by:?} {:?}",
            scope.types, params.order
        )
    }

    /// Returns how many resources the page has at most. It stays the same from page to page.
    fn limit(&self, start: Option<&ScimPageStart>) -> Result<usize, ScimError> {
        match (self.params.count, start) {
            (Some(count), Some(start)) if count != start.count => Err(ScimError::invalid(
                ScimErrorType::InvalidCount,
                format!(
                    "`count` was {} on the first page, and must stay the same",
                    start.count
                ),
            )),
            (Some(count), _) => Ok(count),
            (None, Some(start)) => Ok(start.count),
            (None, None) => Ok(DEFAULT_PAGE),
        }
    }

    async fn ask(
        &self,
        after: Option<ScimPosition>,
        (skip, limit): (u64, usize),
        counting: ScimCounting,
    ) -> Result<ScimPage, ScimError> {
        let asked = query::ScimResources {
            scope: self.scope.clone(),
            after,
            skip,
            limit,
            counting,
        };
        let page = self.control.ask(asked).await??;
        not_read(&page)?;
        Ok(page)
    }

    /// Counts what matches; `None` if a filter has to be tried on everything for that.
    async fn count(&self) -> Result<Option<u64>, ScimError> {
        if self.scope.filter.is_some() {
            return Ok(None);
        }
        let asked = query::ScimCount {
            tenants: self.scope.tenants.clone(),
            types: self.scope.types.clone(),
        };
        Ok(Some(self.control.ask(asked).await??))
    }

    /// Reads a page by the number of its first resource.
    async fn numbered(&self, limit: usize) -> Result<FoundRows, ScimError> {
        let mut found = FoundRows {
            total: self.count().await?,
            ..FoundRows::default()
        };
        let counting = match found.total {
            Some(_) => ScimCounting::Nothing,
            None => ScimCounting::All,
        };
        let mut skip = self.params.start - 1;
        let (mut after, mut n_matched) = (None, 0);
        loop {
            let left = limit - found.rows.len();
            let page = self.ask(after, (skip, left), counting).await?;
            skip -= skip.min(page.n_matched);
            n_matched += page.n_matched;
            after = found.add(page);
            let is_full = found.rows.len() == limit && counting == ScimCounting::Nothing;
            if after.is_none() || is_full {
                break;
            }
        }
        found.total = found.total.or(Some(n_matched));
        Ok(found)
    }

    /// Reads a page after a resource. One more shows that another page follows.
    async fn from(
        &self,
        start: Option<ScimPosition>,
        limit: usize,
    ) -> Result<FoundRows, ScimError> {
        let mut found = FoundRows {
            total: self.count().await?,
            ..FoundRows::default()
        };
        let is_first = start.is_none();
        let (mut after, mut n_read) = (start, 0);
        loop {
            let left = limit + 1 - found.rows.len();
            let page = self.ask(after, (0, left), ScimCounting::Nothing).await?;
            n_read += page.n_read;
            after = found.add(page);
            if after.is_none() || found.rows.len() > limit || n_read >= MAX_READ_FOR_CURSOR {
                break;
            }
        }
        if found.rows.len() > limit {
            found.rows.truncate(limit);
            after = found.rows.last().map(|row| row.position.clone());
        }
        if is_first && after.is_none() {
            // This page has everything that matches.
            found.total = Some(found.rows.len() as u64);
        }
        found.next = after.map(After::Listed);
        Ok(found)
    }

    async fn sorted(
        &self,
        by: &AttributePath,
        after: Option<SortedPosition>,
        limit: usize,
    ) -> Result<FoundRows, ScimError> {
        let skip = match self.params.cursor {
            Some(_) => 0,
            None => self.params.start - 1,
        };
        let asked = query::ScimSorted {
            scope: self.scope.clone(),
            by: by.clone(),
            order: self.params.order,
            after,
            skip,
            limit,
        };
        let mut page = self.control.ask(asked).await??;
        not_read(&page)?;
        let mut found = FoundRows {
            total: Some(page.n_matched),
            next: page.next_sorted.take().map(After::Sorted),
            ..FoundRows::default()
        };
        found.add(page);
        Ok(found)
    }

    fn message(
        &self,
        found: FoundRows,
        list: &str,
        limit: usize,
        cursors: Option<Cursors>,
    ) -> Response {
        let FoundRows {
            rows,
            total,
            next,
            not_read: _,
            n_not_read: _,
        } = found;
        let next = next.filter(|_| cursors.is_some());
        let next_cursor = next.map(|after| {
            let start = ScimPageStart {
                at: self.control.now().seconds(),
                count: limit,
                after,
            };
            start.write(list)
        });
        let head = ScimListHead {
            total,
            start: match cursors {
                None => Some(self.params.start),
                Some(Cursors) => None,
            },
            next_cursor,
        };
        let selections = self
            .scope
            .types
            .iter()
            .map(|&sort| (sort, self.params.wanted.of(sort)));
        let selections: Vec<_> = selections.collect();
        let shown = rows.into_iter().filter_map(|row| {
            let mut selections = selections.iter();
            let (_, selection) = selections.find(|(sort, _)| *sort == row.position.sort)?;
            Some(view::scim_resource(row, selection).0)
        });
        let shown: Vec<Resource> = shown.collect();
        sent(&view::scim_list(head, &shown))
    }
}

/// Pages begin at cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursors;

impl FoundRows {
    /// Adds a part. Returns where the next one begins.
    fn add(&mut self, page: ScimPage) -> Option<ScimPosition> {
        self.rows.extend(page.rows);
        self.not_read = page.not_read;
        self.n_not_read = page.n_not_read;
        page.next
    }
}

#[cfg(test)]
mod tests;
