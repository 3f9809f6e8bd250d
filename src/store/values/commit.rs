//! What is written in one atomic step.

use crate::model::{
    Account, Change, Fact, Fingerprint, HeldPlan, Record, RecordRef, Reported, RunId, Seq,
    Timestamp,
};
use crate::store::values::rights::RightsMark;
use crate::store::values::tenant_no::TenantNo;

/// What one commit may cost: its writes, and the rows and entries of its closing. The remaining
/// operations are for the census, the head of the journal, the live size, and the row that notes a
/// first load or the progress of a plan.
pub(in crate::store) const MAX_COST: usize = 190;

/// Writes of any kind that always fit into one commit, together with as many rows of a plan.
pub const MAX_WRITES: usize = MAX_COST / 4;

/// [`Write::Quiet`]s or [`Write::Forget`]s that always fit into one commit.
pub const MAX_QUIET: usize = MAX_COST / 2;

/// State and journal of one tenant, written together or not at all.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The tenant.
    pub tenant: TenantNo,
    /// The run that found the changes.
    pub run: RunId,
    /// When they were found. An entry never has an earlier time than the one before it.
    pub at: Timestamp,
    /// The tenant as entries name it.
    pub account: Account,
    /// The writes.
    pub writes: Vec<Write>,
    /// What else is written with the last write.
    pub closing: Closing,
}

/// One thing to write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes and quiet writes are nearly all there is"
)]
pub enum Write {
    /// State and one journal entry.
    Change {
        /// What happened.
        change: Change,
        /// The fingerprint of the record as it is now; ignored for a deletion.
        fingerprint: Fingerprint,
        /// The record's text from the source; ignored for a deletion.
        raw: Box<str>,
        /// What the audit log reports of it; `None` if the change was found otherwise.
        reported: Option<Reported>,
    },
    /// State only: the first load, or a fingerprint that was computed again. A record that already
    /// exists keeps its version.
    Quiet {
        /// The record.
        record: Record,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Its text from the source.
        raw: Box<str>,
    },
    /// Removal from the state only: a record that an aborted first load left and the next one did
    /// not find.
    Forget {
        /// The record.
        record: RecordRef,
    },
}

impl Write {
    /// Returns the record's text from the source; `None` if the write has none.
    pub fn raw(&self) -> Option<&str> {
        match self {
            Self::Change { raw, .. } | Self::Quiet { raw, .. } => Some(raw),
            Self::Forget { .. } => None,
        }
    }

    /// Returns how many operations the write takes at worst, including its row of a plan. The
    /// writes of a commit may cost 190 together.
    pub fn cost(&self) -> usize {
        match self {
            Self::Change { .. } => 4,
            Self::Quiet { .. } | Self::Forget { .. } => 2,
        }
    }
}

/// What a commit completes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// Nothing.
    Nothing,
    /// The first load: an entry marks it, and the tenant's `loaded` points to that entry.
    Loaded {
        /// Roles found.
        roles: u64,
        /// Groups found.
        groups: u64,
        /// Users found.
        users: u64,
    },
    /// This many more rows of the tenant's plan; after its last row the plan is removed.
    PlanRows(u32),
    /// New states of held plans, and the facts that report them.
    Report {
        /// Plans as they are now.
        plans: Vec<HeldPlan>,
        /// Facts to report in this order, one entry each.
        facts: Vec<Fact>,
    },
    /// What a run changed in who holds which role.
    Rights {
        /// Facts to report in this order, one entry each. Lists that they name are already written.
        facts: Vec<Fact>,
        /// How far the tenant's rights are compared after this commit.
        mark: RightsMark,
    },
}

/// The result of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The journal's last entry after it.
    pub last: Seq,
}
