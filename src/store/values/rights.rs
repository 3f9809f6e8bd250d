//! How far a tenant's rights were compared, and the lists of users beside entries.

use crate::model::Seq;

/// How far a tenant's rights were compared. After a run, further entries report what it changed in
/// who holds which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RightsMark {
    /// The changes up to this entry are reported.
    pub reported: Seq,
    /// The entry up to which changes are being reported, and how many entries were written for
    /// that; `None` if none are being reported.
    pub under_way: Option<(Seq, u64)>,
    /// How far rights in spaces were compared if the comparison waits; `None` if they were compared
    /// as far as roles.
    pub in_spaces: Option<Behind>,
}

/// How far rights in spaces were compared when we stopped reading spaces. What changes after that
/// is compared in one step, once all spaces were read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// The changes up to this entry are reported.
    pub reported: Seq,
    /// The number of the last reading of all spaces by then. A later one must end before the
    /// comparison continues.
    pub reading: u64,
}

impl RightsMark {
    /// Makes the mark of a tenant whose changes up to an entry are all reported.
    pub fn reported(up_to: Seq) -> Self {
        Self {
            reported: up_to,
            under_way: None,
            in_spaces: None,
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
