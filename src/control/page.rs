//! A part of a list, and where the next part begins.

use serde::{Deserialize, Serialize};

/// How many rows a page has at most.
pub const MAX_PAGE: usize = 500;

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

    /// Cuts rows to a page. `position` says where the page after a row begins.
    pub(super) fn cut(mut rows: Vec<R>, limit: usize, position: impl FnOnce(&R) -> P) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(position);
        Self { rows, next }
    }
}

/// Returns how many rows a page has if a client asks for this many.
pub(super) fn size(limit: usize) -> usize {
    limit.clamp(1, MAX_PAGE)
}
