//! How much of the list beside an entry was sent, user by user.

use std::collections::BTreeSet;

use crate::deliver::queue::position::Position;
use crate::model::Seq;
use crate::store::Expansion;

/// How much of the list beside an entry was sent, user by user.
#[derive(Debug)]
pub(super) struct Expanding {
    pub entry: Seq,
    pub position: Position<u64>,
    /// Whether every user was read.
    pub is_read: bool,
}

impl Expanding {
    /// Begins with the first user.
    pub fn begin(entry: Seq) -> Self {
        Self::of(Expansion {
            entry,
            settled: None,
            beyond: BTreeSet::new(),
        })
    }

    /// Continues from what is on disk.
    pub fn of(expansion: Expansion) -> Self {
        let Expansion {
            entry,
            settled,
            beyond,
        } = expansion;
        Self {
            entry,
            position: Position::behind(settled, beyond),
            is_read: false,
        }
    }

    /// Returns what to write to disk.
    pub fn stored(&self) -> Expansion {
        Expansion {
            entry: self.entry,
            settled: self.position.settled().copied(),
            beyond: self.position.done().clone(),
        }
    }

    /// Returns whether every user was read and is settled.
    pub fn is_over(&self) -> bool {
        self.is_read && self.position.is_settled()
    }
}
