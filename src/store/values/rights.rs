//! How far a tenant's rights were compared, and the lists of users beside entries.

use crate::model::Seq;

/// How far a tenant's rights were compared: what each run changed in who holds what is told in
/// entries that follow the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightsMark {
    /// The changes up to this entry are told.
    pub told: Seq,
    /// The entry up to which changes are being told, and how many entries about them are written;
    /// `None` if all are.
    pub under_way: Option<(Seq, u64)>,
}

impl RightsMark {
    /// Makes the mark of a tenant of which everything up to an entry is told.
    pub fn told(up_to: Seq) -> Self {
        Self {
            told: up_to,
            under_way: None,
        }
    }
}

/// Which entry a list of users belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListHead {
    /// The entry.
    pub entry: Seq,
    /// How many users the list has.
    pub count: u64,
}
