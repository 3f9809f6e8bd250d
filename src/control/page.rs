//! A part of a list, and where the next part begins.

use serde::{Deserialize, Serialize};

/// How many rows a page has at most.
pub const MAX_PAGE: usize = 500;

/// How many rows a page of findings has at most. It may have more than other pages, since each page
/// reads all records of its tenant.
pub const MAX_FINDINGS: usize = 10_000;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<R, P> {
    /// The rows. There may be few or none, if few of the rows that were read match.
    pub rows: Vec<R>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<P>,
}

impl<R, P> Page<R, P> {
    /// Returns the only page, or the last one.
    pub(super) fn last(rows: Vec<R>) -> Self {
        Self { rows, next: None }
    }

    /// Keeps as many rows as the page may have. `position` says where the page after a row begins.
    pub(super) fn of(mut rows: Vec<R>, limit: usize, position: impl FnOnce(&R) -> P) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(position);
        Self { rows, next }
    }
}

/// Builds a page from several lists that follow each other, in the order of their positions.
pub(super) struct PageBuilder<P> {
    after: Option<P>,
    left: usize,
    last: Option<P>,
    has_more: bool,
}

impl<P: Ord> PageBuilder<P> {
    /// Begins a page of at most `limit` rows after a position.
    pub(super) fn begin(after: Option<P>, limit: usize) -> Self {
        Self {
            after,
            left: limit,
            last: None,
            has_more: false,
        }
    }

    /// Takes from the next list the rows that belong on the page. `position` says where each row
    /// stands.
    pub(super) fn take<R>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
        position: impl Fn(&R) -> P,
    ) -> Vec<R> {
        let mut taken = Vec::new();
        for row in rows {
            let here = position(&row);
            if !self.reaches(&here) {
                continue;
            }
            if self.left == 0 {
                self.has_more = true;
                break;
            }
            self.left -= 1;
            self.last = Some(here);
            taken.push(row);
        }
        taken
    }

    /// Returns whether a row belongs on this page or on one that follows.
    pub(super) fn reaches(&self, position: &P) -> bool {
        self.after.as_ref().is_none_or(|after| position > after)
    }

    /// Returns how many rows there are still to take.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Returns the position of the last row if no other fits on the page.
    pub(super) fn full(&self) -> Option<&P> {
        self.last.as_ref().filter(|_| self.left == 0)
    }

    /// Returns where the next page begins; `None` if this is the last one.
    pub(super) fn next(self) -> Option<P> {
        self.last.filter(|_| self.has_more)
    }
}

/// Returns how many rows a page has if a client asks for this many.
pub(super) fn size(limit: usize) -> usize {
    limit.clamp(1, MAX_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_follow_each_other_are_cut_to_pages() {
        let lists = [
            vec![(0, 'a'), (0, 'b')],
            Vec::new(),
            vec![(2, 'a')],
            vec![(3, 'z')],
        ];
        let all: Vec<_> = lists.concat();
        for limit in 1..=all.len() + 1 {
            let (mut seen, mut after, mut n_pages) = (Vec::new(), None, 0);
            loop {
                let mut builder = PageBuilder::begin(after, limit);
                let pages: Vec<_> = lists
                    .iter()
                    .flat_map(|list| builder.take(list.clone(), |row| *row))
                    .collect();
                assert!(pages.len() <= limit);
                seen.extend(pages);
                n_pages += 1;
                after = builder.next();
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "{limit} a page");
            assert_eq!(n_pages, all.len().div_ceil(limit), "{limit} a page");
        }
    }
}
