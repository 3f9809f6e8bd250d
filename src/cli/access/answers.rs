//! Reads the answers about tenants, and prints their rows as they come.

use crate::control::{
    AccessPage, AccessRow, DiffPage, DiffRow, LicenceRow, LicencesPage, ListedSpace, NotKnown,
    Owned, Query, SpaceRightRow, SpaceRightsPage, SpacesPage, StaleRow,
};
use crate::doing::Count;
use crate::model::{Id, SubjectKey};
use crate::view;

use super::super::args::{Format, TableArgs};
use super::super::output::{Printer, Row};
use super::super::pages::{Paged, Rest, Whole};
use super::super::store_client::StoreClient;
use super::super::table::Column;
use super::asking::take_in;

/// An answer about one tenant.
pub(super) trait TenantAnswer: Paged {
    /// A row of the answer. It is about one user and one role, or about one thing.
    type Row;

    /// Returns the rows, and what they rest on.
    fn page(&mut self) -> &mut AccessPage<Self::Row, Self::Position>;
}

impl TenantAnswer for AccessPage<AccessRow, Id> {
    type Row = AccessRow;

    fn page(&mut self) -> &mut AccessPage<AccessRow, Id> {
        self
    }
}

impl TenantAnswer for AccessPage<StaleRow, Id> {
    type Row = StaleRow;

    fn page(&mut self) -> &mut AccessPage<StaleRow, Id> {
        self
    }
}

impl TenantAnswer for DiffPage {
    type Row = DiffRow;

    fn page(&mut self) -> &mut AccessPage<DiffRow, Id> {
        &mut self.page
    }
}

impl TenantAnswer for SpaceRightsPage {
    type Row = SpaceRightRow;

    fn page(&mut self) -> &mut AccessPage<SpaceRightRow, Id> {
        &mut self.page
    }
}

impl TenantAnswer for SpacesPage {
    type Row = ListedSpace;

    fn page(&mut self) -> &mut AccessPage<ListedSpace, Id> {
        &mut self.page
    }
}

impl TenantAnswer for Owned {
    type Row = ListedSpace;

    fn page(&mut self) -> &mut AccessPage<ListedSpace, Id> {
        &mut self.spaces.page
    }
}

impl TenantAnswer for LicencesPage {
    type Row = LicenceRow;

    fn page(&mut self) -> &mut AccessPage<LicenceRow, SubjectKey> {
        &mut self.page
    }
}

impl<A: TenantAnswer> Whole for A {
    fn add(&mut self, mut page: Self) {
        let page = std::mem::take(&mut page.page().envelope.not_known);
        take_in(&mut self.page().envelope, page);
    }
}

/// Asks about one tenant, page by page, and gives `take` at most `limit` rows. Returns the rest of
/// the answer, without rows.
pub(super) async fn read<Q, F, A>(
    client: &StoreClient,
    limit: usize,
    found: &Count,
    ask: F,
    mut take: impl FnMut(&A::Row) -> anyhow::Result<()>,
) -> anyhow::Result<A>
where
    Q: Query<Answer = A>,
    F: Fn(Option<A::Position>, usize) -> Q,
    A: TenantAnswer,
{
    let mut left = limit;
    // A page has at least one row, even if none is wanted.
    let mut n_cut = 0;
    let look = |page: &mut A| {
        let rows = std::mem::take(&mut page.page().rows);
        rows.iter().take(left).try_for_each(&mut take)?;
        n_cut += rows.len().saturating_sub(left);
        left -= rows.len().min(left);
        found.add(rows.len() as u64);
        Ok(())
    };
    let (mut whole, rest) = client.whole(limit, ask, look).await?;
    match rest {
        Rest::Nothing if n_cut == 0 => {}
        Rest::Nothing | Rest::More => {
            whole.page().envelope.not_known.insert(NotKnown::Rest);
        }
    }
    Ok(whole)
}

/// Prints the rows of some answers. Nothing is printed before the first row, so that standard
/// output stays empty if a question fails.
pub(super) struct Rows<'a> {
    args: &'a TableArgs,
    columns: &'static [Column],
    printer: Option<Printer>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(args: &'a TableArgs, columns: &'static [Column]) -> Self {
        Self {
            args,
            columns,
            printer: None,
        }
    }

    pub(super) fn row(&mut self, row: Row) -> anyhow::Result<()> {
        match &mut self.printer {
            Some(printer) => printer.row(row),
            none => none.insert(open(self.args, self.columns)?).row(row),
        }
    }

    /// Returns the printer of the rows, and opens it first if there was no row.
    pub(super) fn into_printer(self) -> anyhow::Result<Printer> {
        match self.printer {
            Some(printer) => Ok(printer),
            None => open(self.args, self.columns),
        }
    }
}

fn open(args: &TableArgs, columns: &[Column]) -> anyhow::Result<Printer> {
    match args.output.output {
        Format::Json => Printer::within(&view::access_frame()),
        Format::Table | Format::Jsonl | Format::Csv => Printer::new(args, columns),
    }
}
