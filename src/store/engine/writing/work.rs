//! What can be written, and how the caller is answered.

use std::sync::mpsc::SyncSender;

use crate::model::{Seq, Timestamp};
use crate::store::engine::compaction::ready_copy::Replacement;
use crate::store::error::StoreError;
use crate::store::values::commit::Committed;
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

use super::prepared::Prepared;
use super::under_way::Share;

/// Work for the committer, and where to answer.
pub struct Job {
    pub work: Work,
    pub reply: Reply,
    /// Its share of the limit, until it is answered.
    pub share: Share,
}

pub type CommitResult = Result<Committed, StoreError>;

pub type Reply = SyncSender<CommitResult>;

/// What can be written. Each is one batch: written completely or not at all.
pub enum Work {
    Commit(Prepared),
    Rows {
        rows: Vec<Row>,
        /// Time and bytes of an entry that accompanies them; `None` if there is none.
        fact: Option<(Timestamp, Vec<u8>)>,
    },
    /// Removes the journal's first entries up to a position, as many as one write may.
    Cut(Seq),
    /// Removes these kept entries, except those that a row names.
    Forget(Vec<Seq>),
    /// Takes the next step of building the posting lists of a tenant.
    BuildPostings(TenantNo),
    /// Writes nothing: shows that the thread that writes still works.
    Nothing,
    /// Replaces the database by a copy.
    Replace(Box<Replacement>),
}

impl Work {
    /// Returns roughly how many bytes it contains.
    pub fn n_bytes(&self) -> usize {
        let of_rows = |rows: &[Row]| -> usize {
            let values = rows.iter().filter_map(|(_, value)| value.as_ref());
            values.map(Vec::len).sum()
        };
        match self {
            Self::Commit(prepared) => {
                let entries = prepared
                    .writes
                    .iter()
                    .filter_map(|write| write.entry.as_ref());
                let further = prepared.entries.iter();
                prepared.bodies.len()
                    + of_rows(&prepared.rows)
                    + entries.chain(further).map(Vec::len).sum::<usize>()
            }
            Self::Rows { rows, fact } => {
                of_rows(rows) + fact.as_ref().map_or(0, |(_, entry)| entry.len())
            }
            Self::Cut(_)
            | Self::Forget(_)
            | Self::BuildPostings(_)
            | Self::Nothing
            | Self::Replace(_) => 0,
        }
    }
}
