//! What a sweep could not see, and how much of that a run reports.

use std::fmt;

use crate::model::{Finding, FindingCode, Kind, Run};

/// Findings kept of one sort; any more are only counted, so that a run's record stays small.
pub(in crate::sync) const MAX_FINDINGS: usize = 100;

/// Keeps a finding, as long as a run's record stays small.
pub(in crate::sync) fn note(run: &mut Run, finding: Finding) {
    if run.findings.len() < Kind::ALL.len() * MAX_FINDINGS {
        run.findings.push(finding);
    }
}

/// A sweep that did not show everything.
#[derive(Debug)]
pub(in crate::sync) enum Short {
    /// It showed no records at all, although the source counts `total`, and none is known yet.
    Nobody { kind: Kind, total: u64 },
    /// Records that it had left out answered when asked for; the rest was not asked for.
    LeftOut {
        kind: Kind,
        missing: u64,
        asked: u64,
        answered: u64,
    },
    /// It contradicts records that the audit log named.
    Contradicted { kind: Kind, records: u64 },
}

impl Short {
    pub(in crate::sync) fn kind(&self) -> Kind {
        match self {
            Self::Nobody { kind, .. }
            | Self::LeftOut { kind, .. }
            | Self::Contradicted { kind, .. } => *kind,
        }
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody { kind, total } => {
                write!(f, "none of {total} {} were shown", kind.plural())
            }
            Self::LeftOut {
                kind,
                missing,
                asked,
                answered,
            } => write!(
                f,
                "{missing} known {} were not shown, but {answered} of {asked} answered when \
                 asked for",
                kind.plural()
            ),
            Self::Contradicted { kind, records } => write!(
                f,
                "{records} {} are gone or have lost access when asked for by id, but the listing \
                 still shows them",
                kind.plural()
            ),
        }
    }
}

/// How many records of a kind were shown, and how many more the source counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) struct Shortfall {
    pub(in crate::sync) shown: u64,
    pub(in crate::sync) total: u64,
}

impl Shortfall {
    /// Returns the finding for this shortfall; `None` once the records that were not shown were
    /// asked for by id. The count may be wrong, once or always: it is a hint, and nothing
    /// waits for it.
    pub(in crate::sync) fn finding(
        self,
        source: &str,
        kind: Kind,
        answered: u64,
    ) -> Option<Finding> {
        let Self { shown, total } = self;
        if shown + answered >= total {
            return None;
        }
        let detail = format!(
            "{source} counts {total} {}, and showed or answered for {}; those that are known were \
             all asked for",
            kind.plural(),
            shown + answered
        );
        Some(Finding {
            code: FindingCode::CountDiffers,
            kind,
            id: None,
            detail,
        })
    }
}
