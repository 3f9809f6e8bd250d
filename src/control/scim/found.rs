//! What a search has found so far.

use super::answers::{ScimCounting, ScimPosition, ScimRow};
use crate::control::records::MAX_READ;

/// The resources on a page, and the number of those that match.
pub(super) struct Found {
    pub(super) rows: Vec<ScimRow>,
    pub(super) n_matched: u64,
    pub(super) n_read: u64,
    /// The last resource that was read; `None` once everything was read.
    pub(super) next: Option<ScimPosition>,
    n_taken: usize,
    skip: u64,
    limit: usize,
    counting: ScimCounting,
}

/// Whether a resource belongs on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Taken,
    /// It is skipped, or only counted.
    Counted,
}

impl Found {
    /// Begins with nothing found.
    pub(super) fn begin(skip: u64, limit: usize, counting: ScimCounting) -> Self {
        Self {
            rows: Vec::new(),
            n_matched: 0,
            n_read: 0,
            next: None,
            n_taken: 0,
            skip,
            limit,
            counting,
        }
    }

    /// Returns whether nothing more must be read for this page.
    pub(super) fn is_complete(&self) -> bool {
        let is_full = self.n_taken >= self.limit;
        let is_enough = match self.counting {
            ScimCounting::All => false,
            ScimCounting::Nothing => is_full,
        };
        is_enough || self.n_read >= MAX_READ as u64
    }

    /// Returns how many rows fit on the page.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(self.n_taken)
    }

    /// Notes that a resource was read.
    pub(super) fn read(&mut self, position: ScimPosition) {
        self.n_read += 1;
        self.next = Some(position);
    }

    /// Notes a resource that matches.
    pub(super) fn offer(&mut self) -> Offer {
        self.n_matched += 1;
        if self.skip > 0 {
            self.skip -= 1;
            return Offer::Counted;
        }
        if self.n_taken >= self.limit {
            return Offer::Counted;
        }
        self.n_taken += 1;
        Offer::Taken
    }

    /// Returns how many resources are to be skipped.
    pub(super) fn to_skip(&self) -> u64 {
        self.skip
    }

    /// Notes that resources were skipped without being read, since all of them match.
    pub(super) fn skip(&mut self, n: u64) {
        let n = n.min(self.skip);
        self.skip -= n;
        self.n_matched += n;
    }
}
