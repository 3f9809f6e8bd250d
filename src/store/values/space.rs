//! Spaces as they are stored, and how far they were read.

use std::collections::BTreeMap;

use crate::model::{Account, RunId, Seq, Space, SpaceChange, SpaceId, SpacePart, Timestamp};

use super::reading::ReadingMark;

/// A space as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSpace {
    /// The space.
    pub space: Space,
    /// The number of the reading of all spaces in which, or after which, it was last read.
    pub reading: u64,
    /// When it last changed, by our clock; `None` if it is as the first reading found it.
    pub changed_at: Option<Timestamp>,
}

/// How far the spaces of a tenant were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceReading {
    /// The readings of all spaces. One that continues after an interruption does not read again
    /// the spaces that it has read.
    pub mark: ReadingMark,
    /// When the first reading of all spaces ended; `None` if it has not. Nothing is known about
    /// spaces at an earlier time.
    pub first: Option<Timestamp>,
    /// The last entry of the journal when the first reading of all spaces ended: rights in spaces
    /// are compared from there on. `None` if it has not.
    pub since: Option<Seq>,
    /// How many spaces the last complete reading listed but could not read, without anything known
    /// about them from before.
    pub n_unread: u64,
}

/// A list of a space that was shown without so many of its known members that they are kept until a
/// later reading shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceDoubt {
    /// The number of the reading that first showed it so.
    pub reading: u64,
    /// A digest of the members that it did not show.
    pub lost: u64,
}

/// The lists of a space about which there is a doubt.
pub type SpaceDoubts = BTreeMap<SpacePart, SpaceDoubt>;

/// A space that must be read again, since the audit log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceTodo {
    /// The space.
    pub id: SpaceId,
    /// How often it was named: a space that is named again during its reading is read once more.
    pub notes: u64,
    /// Whether the log says that it is gone.
    pub is_gone: bool,
}

/// What the audit log says about a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceNote {
    /// It was created or changed, or something that belongs to it was.
    Changed,
    /// It was deleted.
    Deleted,
}

/// What to store about a space that was read.
#[derive(Debug)]
pub enum SpaceWrite {
    /// It is kept as it is now.
    Keep(KeptSpace),
    /// It is gone.
    Remove(SpaceId),
}

/// What the journal entry about a change to a space contains.
#[derive(Debug)]
pub struct SpaceReport {
    /// The run that found it.
    pub run: RunId,
    /// When it was found.
    pub at: Timestamp,
    /// The tenant as entries name it.
    pub account: Account,
    /// The change.
    pub change: SpaceChange,
}
