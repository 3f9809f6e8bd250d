//! What is written in one atomic step, and how the caller's thread prepares it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::model::Timestamp;
use crate::model::{
    Account, Change, Fact, Fingerprint, HeldPlan, Id, Kind, Record, RecordRef, RunId, Seq,
};
use crate::store::engine::rows::{held, journal};
use crate::store::error::StoreError;
use crate::store::layout::keys::Key;
use crate::store::layout::{codec, v1};
use crate::store::tenant_no::TenantNo;

/// The most operations in one atomic write. sled pins its garbage collector once for each: at 200
/// memory stays flat, at 1000 it grows by a gigabyte over a million updates.
pub(in crate::store) const MAX_OPERATIONS: usize = 200;

/// What the writes of one commit may cost; the remaining operations are for the census, the head of
/// the journal and the commit's closing.
const MAX_COST: usize = 190;

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
        /// Which.
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
    /// So many more rows of the tenant's plan; after its last row the plan is removed.
    PlanRows(u32),
    /// New states of held plans, and the facts that report them.
    Told {
        /// Plans as they are now.
        plans: Vec<HeldPlan>,
        /// Facts to report in this order, one entry each.
        facts: Vec<Fact>,
    },
}

/// The result of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The journal's last entry after it.
    pub last: Seq,
}

/// An encoded commit, complete except for what only the writer knows.
pub(in crate::store) struct Prepared {
    pub tenant: TenantNo,
    pub at: Timestamp,
    pub writes: Vec<PreparedWrite>,
    /// The bytes of all records, one after the other: a separate vector for each would be allocated
    /// by one thread and freed by another, the slowest case for the allocator.
    pub bodies: Bytes,
    /// Further rows.
    pub rows: Vec<(Key, Option<Vec<u8>>)>,
    /// Packed entries that follow the entries of the writes.
    pub told: Vec<Vec<u8>>,
    /// Whether the last of them marks the first load.
    pub is_loaded: bool,
    pub plan_rows: u32,
}

pub(in crate::store) struct PreparedWrite {
    pub kind: Kind,
    pub id: Id,
    /// Its fingerprint, and where its bytes are; `None` if the record is deleted.
    pub state: Option<(Fingerprint, Range<usize>)>,
    /// The packed entry; `None` if the write has none.
    pub entry: Option<Vec<u8>>,
}

impl Commit {
    /// Encodes the commit.
    pub(in crate::store) fn prepare(self) -> Result<Prepared, StoreError> {
        let cost: usize = self.writes.iter().map(Write::cost).sum();
        let plan_rows = match self.closing {
            Closing::PlanRows(rows) => rows,
            Closing::Nothing | Closing::Loaded { .. } | Closing::Told { .. } => 0,
        };
        let rows = usize::try_from(plan_rows).unwrap_or(usize::MAX);
        if cost > MAX_COST || rows > MAX_WRITES {
            return Err(StoreError::TooLarge {
                cost: cost.max(rows.saturating_mul(4)),
                limit: MAX_COST,
            });
        }
        let author = Author {
            run: self.run,
            account: self.account,
        };
        let (mut rows, mut told) = (Vec::new(), Vec::new());
        let mut is_loaded = false;
        match self.closing {
            Closing::Loaded {
                roles,
                groups,
                users,
            } => {
                is_loaded = true;
                told.push(author.entry(&Fact::Loaded {
                    roles,
                    groups,
                    users,
                }));
            }
            Closing::Told { plans, facts } => {
                rows.extend(plans.iter().map(|plan| held::plan_row(self.tenant, plan)));
                told.extend(facts.iter().map(|fact| author.entry(fact)));
            }
            Closing::Nothing | Closing::PlanRows(_) => {}
        }
        let cost = cost + rows.len() + told.len();
        if cost > MAX_COST {
            return Err(StoreError::TooLarge {
                cost,
                limit: MAX_COST,
            });
        }
        let mut bodies = Vec::new();
        let writes = self.writes.into_iter();
        let writes = writes.map(|write| author.prepare(write, &mut bodies));
        Ok(Prepared {
            tenant: self.tenant,
            at: self.at,
            writes: writes.collect(),
            bodies: bodies.into(),
            rows,
            told,
            is_loaded,
            plan_rows,
        })
    }
}

/// The fields that every entry of a commit begins with.
struct Author {
    run: RunId,
    account: Account,
}

impl Author {
    fn prepare(&self, write: Write, bodies: &mut Vec<u8>) -> PreparedWrite {
        match write {
            Write::Change {
                change,
                fingerprint,
                raw,
            } => PreparedWrite {
                kind: change.kind(),
                id: change.id().clone(),
                state: change
                    .after()
                    .map(|after| (fingerprint, body(bodies, after, &raw))),
                entry: Some(self.entry(&Fact::Changed(change))),
            },
            Write::Quiet {
                record,
                fingerprint,
                raw,
            } => PreparedWrite {
                kind: record.kind(),
                id: record.id().clone(),
                state: Some((fingerprint, body(bodies, &record, &raw))),
                entry: None,
            },
            Write::Forget { record } => PreparedWrite {
                kind: record.kind,
                id: record.id,
                state: None,
                entry: None,
            },
        }
    }

    fn entry(&self, fact: &Fact) -> Vec<u8> {
        journal::pack(Some((self.run, &self.account)), fact)
    }
}

/// Appends the bytes that a record has in its block, and returns their range.
fn body(bodies: &mut Vec<u8>, record: &Record, raw: &str) -> Range<usize> {
    let body = v1::Body {
        record: record.into(),
        raw: Cow::Borrowed(raw),
    };
    codec::append(bodies, &body)
}
