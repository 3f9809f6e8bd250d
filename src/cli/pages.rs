//! Reads lists page by page.

use crate::control::{
    AccessPage, DiffPage, HoldersPage, Inherited, InheritedPosition, LicencesPage, Owned, Page,
    Query, SpaceRightsPage, SpacesPage, Status, StatusPosition,
};
use crate::model::{Id, SubjectKey};

use super::store_client::StoreClient;

/// A page, as an answer to a question.
pub(super) trait Paged {
    /// Where a page begins.
    type Position;

    /// Counts the rows.
    fn n_rows(&self) -> usize;

    /// Takes the position at which the next page begins. `None` if this page is the last one.
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

impl Paged for Status {
    type Position = StatusPosition;

    fn n_rows(&self) -> usize {
        let Self {
            tenants,
            endpoints,
            unread,
            separations,
            losses,
            ..
        } = self;
        tenants.len() + endpoints.len() + unread.len() + separations.len() + losses.len()
    }

    fn take_next(&mut self) -> Option<StatusPosition> {
        self.next.take()
    }
}

impl Paged for Inherited {
    type Position = InheritedPosition;

    fn n_rows(&self) -> usize {
        self.roles.len() + self.hidden.len()
    }

    fn take_next(&mut self) -> Option<InheritedPosition> {
        self.next.take()
    }
}

impl<R, P> Paged for AccessPage<R, P> {
    type Position = P;

    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn take_next(&mut self) -> Option<P> {
        self.next.take()
    }
}

impl Paged for DiffPage {
    type Position = Id;

    fn n_rows(&self) -> usize {
        self.page.n_rows()
    }

    fn take_next(&mut self) -> Option<Id> {
        self.page.take_next()
    }
}

impl Paged for SpaceRightsPage {
    type Position = Id;

    fn n_rows(&self) -> usize {
        self.page.n_rows()
    }

    fn take_next(&mut self) -> Option<Id> {
        self.page.take_next()
    }
}

impl Paged for SpacesPage {
    type Position = Id;

    fn n_rows(&self) -> usize {
        self.page.n_rows()
    }

    fn take_next(&mut self) -> Option<Id> {
        self.page.take_next()
    }
}

impl Paged for Owned {
    type Position = Id;

    fn n_rows(&self) -> usize {
        self.spaces.n_rows()
    }

    fn take_next(&mut self) -> Option<Id> {
        self.spaces.take_next()
    }
}

impl Paged for LicencesPage {
    type Position = SubjectKey;

    fn n_rows(&self) -> usize {
        self.page.n_rows()
    }

    fn take_next(&mut self) -> Option<SubjectKey> {
        self.page.take_next()
    }
}

/// The pages contain counts that must be added up, so a limit of rows does not end the list.
impl Paged for HoldersPage {
    type Position = Id;

    fn n_rows(&self) -> usize {
        0
    }

    fn take_next(&mut self) -> Option<Id> {
        self.next.take()
    }
}

/// An answer whose pages add up to one answer.
pub(super) trait Whole: Paged {
    /// Adds the page that follows.
    fn add(&mut self, page: Self);
}

/// Whether there are more rows than were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    More,
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
    fn begin(client: &'a StoreClient, limit: usize, ask: F) -> Self {
        Self {
            client,
            ask,
            first: None,
            next: None,
            left: limit,
        }
    }

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
        let mut pages = Self::begin(client, limit, ask);
        if limit > 0 {
            pages.first = Some(pages.page(None).await?);
        }
        Ok(pages)
    }

    /// Returns the next page. `None` if the last one was read, or if there are as many rows as were
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
        let asked = (self.ask)(position, self.left.max(1));
        let mut page = self.client.ask(asked).await?;
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

    /// Reads an answer page by page, shows each page to `look`, and adds them up. The first page is
    /// read even if no row is wanted, since it says more than its rows.
    pub(super) async fn whole<Q, F, A>(
        &self,
        limit: usize,
        ask: F,
        mut look: impl FnMut(&mut A) -> anyhow::Result<()>,
    ) -> anyhow::Result<(A, Rest)>
    where
        Q: Query<Answer = A>,
        F: Fn(Option<A::Position>, usize) -> Q,
        A: Whole,
    {
        let mut pages = Pages::begin(self, limit, ask);
        let mut whole = pages.page(None).await?;
        look(&mut whole)?;
        while let Some(mut page) = pages.next().await? {
            look(&mut page)?;
            whole.add(page);
        }
        let rest = match pages.has_more() {
            true => Rest::More,
            false => Rest::Nothing,
        };
        Ok((whole, rest))
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
