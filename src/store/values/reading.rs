//! How far something was read that has a schedule of its own.

use crate::model::Timestamp;

/// How far something was read that has a schedule of its own, as spaces and licences have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadingMark {
    /// The number of the reading under way, or else of the last one. A time would not do, since
    /// somebody may set the clock.
    pub number: u64,
    /// When the last complete reading began; `None` if there was none.
    pub last: Option<Timestamp>,
    /// When the reading under way began; `None` if there is none. It continues where it was, also
    /// after an interruption.
    pub began: Option<Timestamp>,
    /// When the source was last asked.
    pub tried: Option<Timestamp>,
    /// Whether the source refused: these credentials are not allowed to read it.
    pub is_refused: bool,
}
