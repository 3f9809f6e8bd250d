//! Reads lists page by page.

use crate::control::{Findings, Page, Query};
use crate::model::TenantName;

use super::store_client::StoreClient;

/// A page, as an answer to a question.
pub(super) trait Paged {
    /// Where a page begins.
    type Position;

    /// Counts the rows.
    fn n_rows(&self) -> usize;

    /// Takes the position at which the next page begins; `None` if this is the last one.
    fn take_next(&mut self) -> Option<Self::Position>;
}

impl<R, P> Paged for Page<R, P> {
    type Position = P;

    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn take_next(&mut self) -> Option<P> {
        self.next.take()
    }
}

impl Paged for Findings {
    type Position = TenantName;

    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn take_next(&mut self) -> Option<TenantName> {
        self.next.take()
    }
}

/// The pages of a list, with a limited number of rows.
pub(super) struct Pages<'a, F, A: Paged> {
    client: &'a StoreClient,
    /// Makes the question for the page at a position, with at most this many rows.
    ask: F,
    /// The first page, until it is taken.
    first: Option<A>,
    next: Option<A::Position>,
    left: usize,
}

impl<'a, F, A: Paged> Pages<'a, F, A> {
    /// Reads the first page, so that a question that fails does so before anything is printed.
    pub(super) async fn read<Q>(
        client: &'a StoreClient,
        limit: usize,
        ask: F,
    ) -> anyhow::Result<Self>
    where
        Q: Query<Answer = A>,
        F: Fn(Option<A::Position>, usize) -> Q,
    {
        let mut pages = Self {
            client,
            ask,
            first: None,
            next: None,
            left: limit,
        };
        if limit > 0 {
            pages.first = Some(pages.page(None).await?);
        }
        Ok(pages)
    }

    /// Returns the next page; `None` after the last one, or when there are as many rows as were
    /// wanted.
    pub(super) async fn next<Q>(&mut self) -> anyhow::Result<Option<A>>
    where
        Q: Query<Answer = A>,
        F: Fn(Option<A::Position>, usize) -> Q,
    {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match self.next.take_if(|_| self.left > 0) {
            None => Ok(None),
            position => self.page(position).await.map(Some),
        }
    }

    /// Returns whether there are more pages than were read.
    pub(super) fn has_more(&self) -> bool {
        self.next.is_some()
    }

    async fn page<Q>(&mut self, position: Option<A::Position>) -> anyhow::Result<A>
    where
        Q: Query<Answer = A>,
        F: Fn(Option<A::Position>, usize) -> Q,
    {
        let mut page = self.client.ask((self.ask)(position, self.left)).await?;
        self.left = self.left.saturating_sub(page.n_rows());
        self.next = page.take_next();
        Ok(page)
    }
}

impl StoreClient {
    /// Reads a list page by page. `ask` makes the question for the page at a position, with at most
    /// this many rows.
    pub(super) async fn pages<Q, F>(
        &self,
        limit: usize,
        ask: F,
    ) -> anyhow::Result<Pages<'_, F, Q::Answer>>
    where
        Q: Query<Answer: Paged>,
        F: Fn(Option<<Q::Answer as Paged>::Position>, usize) -> Q,
    {
        Pages::read(self, limit, ask).await
    }

    /// Reads the rows of a list into memory.
    pub(super) async fn all<Q, F, R, P>(&self, limit: usize, ask: F) -> anyhow::Result<Vec<R>>
    where
        Q: Query<Answer = Page<R, P>>,
        F: Fn(Option<P>, usize) -> Q,
    {
        let mut pages = self.pages(limit, ask).await?;
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            rows.extend(page.rows);
        }
        Ok(rows)
    }
}
