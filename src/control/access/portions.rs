//! How many users an answer looks at together.

use crate::control::MAX_PAGE;
use crate::control::records::MAX_READ;

/// How many users an answer looks at together. If spaces are not kept, all of them are read each
/// time, so there are ever more users.
pub(super) struct Portions {
    /// How many pages of users the answer may still read.
    left: usize,
    next: usize,
}

impl Portions {
    pub(super) fn begin() -> Self {
        Self {
            left: MAX_READ / MAX_PAGE,
            next: 1,
        }
    }

    /// Returns whether enough users were read.
    pub(super) fn is_end(&self) -> bool {
        self.left == 0
    }

    /// Returns how many pages of users to read next.
    pub(super) fn take<T>(&mut self, table: Option<&T>) -> usize {
        let n_pages = self.next.min(self.left);
        self.left -= n_pages;
        self.next = match table {
            Some(_) => 1,
            None => 2 * self.next,
        };
        n_pages
    }
}
