//! Encodes a commit, on its caller's thread.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::model::{
    Account, Fact, Fingerprint, Id, Kind, ListId, Record, Reported, RightChange, RightHolders,
    RunId, Timestamp,
};
use crate::store::error::StoreError;
use crate::store::layout::{codec, entry, held, keys, v1, v9};
use crate::store::values::commit::{Closing, Commit, MAX_COST, MAX_WRITES, Write};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

/// An encoded commit, complete except for what only the writer knows.
pub struct Prepared {
    pub tenant: TenantNo,
    pub at: Timestamp,
    pub writes: Vec<PreparedWrite>,
    /// The bytes of all records, one after the other: a separate vector for each would be allocated
    /// by one thread and freed by another, the slowest case for the allocator.
    pub bodies: Bytes,
    /// Further rows.
    pub rows: Vec<Row>,
    /// Packed entries that follow the entries of the writes.
    pub entries: Vec<Vec<u8>>,
    /// Lists of users that belong to some of these entries: the index of the entry, the list, and
    /// how many users it has.
    pub lists: Vec<(usize, ListId, u64)>,
    /// Whether the last of these entries marks the first load.
    pub is_loaded: bool,
    pub plan_rows: u32,
}

pub struct PreparedWrite {
    pub kind: Kind,
    pub id: Id,
    /// Its fingerprint, and where its bytes are; `None` if the record is deleted.
    pub state: Option<(Fingerprint, Range<usize>)>,
    /// The packed entry; `None` if the write has none.
    pub entry: Option<Vec<u8>>,
}

impl Prepared {
    /// Encodes a commit.
    pub fn of(commit: Commit) -> Result<Self, StoreError> {
        let cost: usize = commit.writes.iter().map(Write::cost).sum();
        let plan_rows = match commit.closing {
            Closing::PlanRows(rows) => rows,
            Closing::Nothing
            | Closing::Loaded { .. }
            | Closing::Report { .. }
            | Closing::Rights { .. } => 0,
        };
        let rows = usize::try_from(plan_rows).unwrap_or(usize::MAX);
        if cost > MAX_COST || rows > MAX_WRITES {
            return Err(StoreError::TooLarge {
                cost: cost.max(rows.saturating_mul(4)),
                limit: MAX_COST,
            });
        }
        let author = Author {
            run: commit.run,
            account: commit.account,
        };
        let (mut rows, mut entries, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_loaded = false;
        match commit.closing {
            Closing::Loaded {
                roles,
                groups,
                users,
            } => {
                is_loaded = true;
                let loaded = Fact::Loaded {
                    roles,
                    groups,
                    users,
                };
                entries.push(author.entry(&loaded, None));
            }
            Closing::Report { plans, facts } => {
                rows.extend(plans.iter().map(|plan| held::plan_row(commit.tenant, plan)));
                entries.extend(facts.iter().map(|fact| author.entry(fact, None)));
            }
            Closing::Rights { facts, mark } => {
                let mark = v9::right::RightsMark::from(mark);
                rows.push(codec::put(keys::rights_mark(commit.tenant), &mark));
                for fact in &facts {
                    lists.extend(listed(entries.len(), fact));
                    entries.push(author.entry(fact, None));
                }
            }
            Closing::Nothing | Closing::PlanRows(_) => {}
        }
        let cost = cost + rows.len() + entries.len() + lists.len();
        if cost > MAX_COST {
            return Err(StoreError::TooLarge {
                cost,
                limit: MAX_COST,
            });
        }
        let mut bodies = Vec::new();
        let writes = commit.writes.into_iter();
        let writes = writes.map(|write| author.prepare(write, &mut bodies));
        Ok(Self {
            tenant: commit.tenant,
            at: commit.at,
            writes: writes.collect(),
            bodies: bodies.into(),
            rows,
            entries,
            lists,
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
                reported,
            } => PreparedWrite {
                kind: change.kind(),
                id: change.id().clone(),
                state: change
                    .after()
                    .map(|after| (fingerprint, body(bodies, after, &raw))),
                entry: Some(self.entry(&Fact::Changed(change), reported.as_ref())),
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

    fn entry(&self, fact: &Fact, reported: Option<&Reported>) -> Vec<u8> {
        entry::pack(Some((self.run, &self.account)), fact, reported)
    }
}

/// Returns the list that a fact names, with the index of the fact's entry and the number of users.
fn listed(number: usize, fact: &Fact) -> Option<(usize, ListId, u64)> {
    match fact {
        Fact::RightChanged(RightChange {
            holders: RightHolders::Listed { list, count },
            ..
        }) => Some((number, *list, *count)),
        _ => None,
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
