//! How far a listing was read that has a schedule of its own.

use crate::model::Timestamp;

/// How far a listing was read that has a schedule of its own, as those of spaces and licences do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadingMark {
    /// The number of the reading under way, or else of the last one. A time would not do, since
    /// somebody may set the clock.
    pub number: u64,
    /// When the last complete reading began; `None` if there was none.
    pub last: Option<Timestamp>,
    /// When the reading under way began; `None` if there is none. It continues where it stopped,
    /// even after an interruption.
    pub began: Option<Timestamp>,
    /// When the source was last asked.
    pub tried: Option<Timestamp>,
    /// Whether the source refused: these credentials are not allowed to read it.
    pub is_refused: bool,
}
