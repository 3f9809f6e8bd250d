//! Spaces as they are stored, and how far they were read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Account, Found, RunId, Seq, Space, SpaceChange, SpaceId, SpacePart, Timestamp};

use super::reading::ReadingMark;

/// How far the source's clock may be behind ours: a space whose creation is dated up to this long
/// before a reading began may be newer than the reading.
const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

/// The most removed spaces to remember. This suffices: above some twenty spaces, the guard keeps a
/// reading from removing many. A space that was forgotten and comes back counts as found late.
const MAX_REMOVED: usize = 1_000;

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
    /// Spaces that were removed although the audit log reported no deletion, as far as they are
    /// remembered, in the order of their removal. Such a space may only have been invisible.
    pub removed: Vec<SpaceId>,
}

impl SpaceReading {
    /// Returns whether a space that was not known before is new or was found late, given when the
    /// source created it.
    pub fn found(&self, id: &SpaceId, created_at: Option<Timestamp>) -> Found {
        // All rights in it were reported as revoked when it was removed, so they are granted again.
        if self.removed.contains(id) {
            return Found::New;
        }
        let is_new = created_at
            .zip(self.mark.last)
            .is_some_and(|(created_at, last)| created_at >= last.minus(MAX_SKEW));
        match is_new {
            true => Found::New,
            false => Found::Late,
        }
    }

    /// Notes spaces that are to be removed although the audit log reports no deletion.
    pub fn note_removed(&mut self, ids: impl IntoIterator<Item = SpaceId>) {
        let ids: BTreeSet<SpaceId> = ids.into_iter().collect();
        self.removed.retain(|known| !ids.contains(known));
        self.removed.extend(ids);
        let n_over = self.removed.len().saturating_sub(MAX_REMOVED);
        self.removed.drain(..n_over);
    }
}

/// A doubt about a list of a space: it was shown without so many of its known members that we keep
/// them until a later reading shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceDoubt {
    /// The number of the reading that first showed the list without them.
    pub reading: u64,
    /// A digest of the members that it did not show.
    pub lost: u64,
}

/// The lists of a space that are in doubt, each with its doubt.
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
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are kept, and there is one at a time"
)]
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
