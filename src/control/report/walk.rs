//! Reads a report from its first row to its last, tenant by tenant, and counts what was read.

use std::collections::{BTreeSet, VecDeque};

use super::columns::{Cell, ReportName};
use super::page::{ReportPage, ReportPosition};
use crate::control::{MAX_PAGE, NotKnown, query};
use crate::model::{Seq, TenantName, Timestamp};

/// Which report is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportAsked {
    /// The report.
    pub report: ReportName,
    /// The tenants, in the order of their rows.
    pub tenants: Vec<TenantName>,
    /// The time that it describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The time with which a report of changes begins.
    pub from: Option<Timestamp>,
}

/// A report that is being read. It says which page to ask for next.
#[derive(Debug, Clone)]
pub struct ReportWalk {
    asked: ReportAsked,
    left: VecDeque<TenantName>,
    after: Option<ReportPosition>,
    summary: ReportSummary,
}

/// What a report contains, and what it does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportSummary {
    /// The time that it describes; `None` before the first page.
    pub as_of: Option<Timestamp>,
    /// The last entry of the journal when the first page was read.
    pub seq: Option<Seq>,
    /// The tenants that were read.
    pub tenants: Vec<TenantSummary>,
}

/// What a report contains of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSummary {
    /// The tenant.
    pub tenant: TenantName,
    /// How many rows.
    pub rows: u64,
    /// What is not known.
    pub not_known: BTreeSet<NotKnown>,
}

impl ReportSummary {
    /// Returns how many rows there are.
    pub fn rows(&self) -> u64 {
        self.tenants.iter().map(|tenant| tenant.rows).sum()
    }

    /// Returns whether nothing is missing, as far as is known.
    pub fn is_complete(&self) -> bool {
        self.tenants.iter().all(|it| it.not_known.is_empty())
    }

    /// Returns whether the report has everything that is ever read.
    pub fn has_all_that_is_read(&self) -> bool {
        let mut not_known = self.tenants.iter().flat_map(|it| &it.not_known);
        not_known.all(NotKnown::is_never_read)
    }
}

impl ReportWalk {
    /// Begins to read a report.
    pub fn begin(asked: ReportAsked) -> Self {
        Self {
            left: asked.tenants.iter().cloned().collect(),
            after: None,
            summary: ReportSummary::default(),
            asked,
        }
    }

    /// Returns the question for the next page; `None` at the end.
    pub fn question(&self) -> Option<query::ReportRows> {
        Some(query::ReportRows {
            tenant: self.left.front()?.clone(),
            report: self.asked.report,
            // All pages describe one time.
            at: self.summary.as_of.or(self.asked.at),
            from: self.asked.from,
            after: self.after.clone(),
            limit: MAX_PAGE,
        })
    }

    /// Takes the answer to that question. Returns its rows.
    pub fn take(&mut self, page: ReportPage) -> Vec<Vec<Cell>> {
        let ReportPage {
            as_of,
            seq,
            rows,
            not_known,
            next,
        } = page;
        let Some(tenant) = self.left.front() else {
            return rows;
        };
        let summary = &mut self.summary;
        summary.as_of.get_or_insert(as_of);
        summary.seq.get_or_insert(seq);
        if self.after.is_none() {
            summary.tenants.push(TenantSummary {
                tenant: tenant.clone(),
                rows: 0,
                not_known: BTreeSet::new(),
            });
        }
        if let Some(of_tenant) = summary.tenants.last_mut() {
            of_tenant.rows += rows.len() as u64;
            of_tenant.note(not_known);
        }
        if next.is_none() {
            self.left.pop_front();
        }
        self.after = next;
        rows
    }

    /// Returns what was asked for.
    pub fn asked(&self) -> &ReportAsked {
        &self.asked
    }

    /// Returns what was read so far.
    pub fn summary(&self) -> &ReportSummary {
        &self.summary
    }
}

impl TenantSummary {
    /// The most gaps in what is known that are named.
    const MOST: usize = 100;

    fn note(&mut self, not_known: BTreeSet<NotKnown>) {
        for what in not_known {
            if self.not_known.len() < Self::MOST || self.not_known.contains(&what) {
                self.not_known.insert(what);
            } else {
                self.not_known.insert(NotKnown::More);
                return;
            }
        }
    }
}
