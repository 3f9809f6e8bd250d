//! What can be written, and how whoever asked for it is answered.

use std::sync::mpsc::SyncSender;

use crate::model::{Seq, Timestamp};
use crate::store::engine::compaction::ready_copy::Replacement;
use crate::store::error::StoreError;
use crate::store::kept::commit::{Committed, Prepared};
use crate::store::layout::keys::Key;

use super::under_way::Share;

/// Work for the committer, and where to answer.
pub struct Job {
    pub work: Work,
    pub reply: Reply,
    /// What it takes of the bound, until it is answered.
    pub share: Share,
}

pub type CommitResult = Result<Committed, StoreError>;

pub type Reply = SyncSender<CommitResult>;

/// What can be written. Each is one batch: there or not, never in part.
pub enum Work {
    Commit(Prepared),
    Rows {
        rows: Vec<(Key, Option<Vec<u8>>)>,
        /// Time and bytes of an entry that goes with them.
        told: Option<(Timestamp, Vec<u8>)>,
    },
    /// The journal's first entries go, as many as one write may take, up to a place.
    Cut(Seq),
    /// Of these entries that are kept, those go that no row names.
    Forget(Vec<Seq>),
    /// A copy takes the place of the database.
    Replace(Box<Replacement>),
}

impl Work {
    /// Rows that no entry goes with.
    pub fn rows(rows: Vec<(Key, Option<Vec<u8>>)>) -> Self {
        Self::Rows { rows, told: None }
    }

    /// Returns how many bytes it holds, nearly.
    pub fn n_bytes(&self) -> usize {
        let of_rows = |rows: &[(Key, Option<Vec<u8>>)]| -> usize {
            let values = rows.iter().filter_map(|(_, value)| value.as_ref());
            values.map(Vec::len).sum()
        };
        match self {
            Self::Commit(prepared) => {
                let entries = prepared
                    .writes
                    .iter()
                    .filter_map(|write| write.entry.as_ref());
                let told = prepared.told.iter();
                prepared.bodies.len()
                    + of_rows(&prepared.rows)
                    + entries.chain(told).map(Vec::len).sum::<usize>()
            }
            Self::Rows { rows, told } => {
                of_rows(rows) + told.as_ref().map_or(0, |(_, entry)| entry.len())
            }
            Self::Cut(_) | Self::Forget(_) | Self::Replace(_) => 0,
        }
    }
}
