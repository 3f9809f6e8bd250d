//! Who may write to a tenant's state, and which records polls have asked for while a sweep reads.
//!
//! A sweep of a large tenant takes hours. The audit log does not wait: its events have to be
//! delivered within minutes, and if a poll has to read back too far, events are lost. Only reading
//! takes that long. So a sweep gives up the pen, the right to write, while it reads its listings. A
//! poll may then take the pen, ask for the records that the log has named, commit them, and give it
//! up again.
//!
//! What must stay true:
//!
//! - One run writes at a time: whoever changes state or a held plan has the pen from the first look
//!   at what is known to the end of the commit. A sweep that reads its listings compares and
//!   stages, and changes nothing.
//! - The newer answer counts. A poll asks for its records after the sweep has begun, and its
//!   decisions are already in the state. So the sweep withdraws what it has staged for these
//!   records ([`Asked`]), and asks once more for each that differs from it.
//! - Removals that a poll beside a sweep holds are in a plan at once, and stay in one whatever the
//!   sweep holds, since the sweep may have read earlier. If the open plan is an approved one that
//!   waits for its run, the poll looks again later.
//! - A plan of a poll beside a sweep fits one commit: the staged rows belong to the sweep.
//! - A first load keeps the pen: nobody polls before it has ended. A dry run, which writes nothing,
//!   leaves the pen to polls until it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::lock::lock;
use crate::model::{RecordRef, Reported};
use crate::store::MAX_WRITES;

/// Records that a poll beside a sweep takes at a time: few enough that their changes fit one commit
/// and no rows are staged.
pub(in crate::sync) const MAX_BESIDE: usize = MAX_WRITES - 1;
/// The most records that we remember for polls beside one sweep, which bounds memory. Beyond it,
/// polls wait for the end of the sweep.
const MAX_ASKED: usize = 100_000;

/// Whose turn it is to sweep and to write one tenant.
#[derive(Debug, Default)]
pub(in crate::sync) struct Turns {
    /// Locked by the run of the whole tenant that is under way; there is one at a time.
    sweep: tokio::sync::Mutex<()>,
    pen: tokio::sync::Mutex<()>,
    /// The sweep that has put the pen down.
    reading: Mutex<Option<Beside>>,
}

/// What a poll beside a sweep shares with it.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Beside {
    /// The tenant's turn among all jobs that may claim it.
    pub(in crate::sync) alone: Arc<OwnedMutexGuard<()>>,
    pub(in crate::sync) asked: Asked,
}

/// The records that polls have asked for since a sweep began. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::sync) struct Asked(Arc<Mutex<AskedRecords>>);

#[derive(Debug, Default)]
struct AskedRecords {
    records: BTreeSet<RecordRef>,
    holds: bool,
}

/// What a run reads.
#[derive(Debug)]
pub(in crate::sync) enum Scope {
    /// The whole tenant.
    All,
    /// These records and no others.
    Records {
        wanted: Wanted,
        /// The sweep that reads at the same time, if there is one.
        beside: Option<Beside>,
    },
}

/// Records that the audit log named, or that must be looked at again.
#[derive(Debug, Clone, Default)]
pub(in crate::sync) struct Wanted {
    pub(in crate::sync) records: BTreeSet<RecordRef>,
    /// What the audit log reports of them.
    pub(in crate::sync) reported: BTreeMap<RecordRef, Reported>,
}

impl Scope {
    pub(in crate::sync) fn beside(&self) -> Option<&Beside> {
        match self {
            Self::All => None,
            Self::Records { beside, .. } => beside.as_ref(),
        }
    }
}

impl Beside {
    /// Starts with no records.
    pub(in crate::sync) fn of(alone: &Arc<OwnedMutexGuard<()>>) -> Self {
        Self {
            alone: Arc::clone(alone),
            asked: Asked::default(),
        }
    }
}

/// The right to write.
#[derive(Debug)]
pub(in crate::sync) struct Pen<'a> {
    turns: &'a Turns,
    lock: Option<tokio::sync::MutexGuard<'a, ()>>,
}

/// A sweep that reads its listings, until this is dropped.
#[derive(Debug)]
pub(super) struct Reading<'a>(&'a Turns);

impl Turns {
    /// Waits until no other run of the whole tenant is under way.
    pub(in crate::sync) async fn sweep(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.sweep.lock().await
    }

    /// Returns whether a run of the whole tenant is under way.
    pub(in crate::sync) fn is_swept(&self) -> bool {
        self.sweep.try_lock().is_err()
    }

    /// Waits for the pen.
    pub(in crate::sync) async fn pen(&self) -> Pen<'_> {
        let mut pen = Pen {
            turns: self,
            lock: None,
        };
        pen.take().await;
        pen
    }

    /// Returns the sweep that is reading while somebody else has the pen; `None` if there is none.
    pub(in crate::sync) fn beside(&self) -> Option<Beside> {
        lock(&self.reading).clone()
    }
}

impl<'a> Pen<'a> {
    /// Takes the pen again, as soon as nobody else has it.
    pub(in crate::sync) async fn take(&mut self) {
        if self.lock.is_none() {
            self.lock = Some(self.turns.pen.lock().await);
        }
    }

    /// Puts the pen down, so that polls may go on beside the sweep.
    pub(super) fn put_down(&mut self, beside: Beside) -> Reading<'a> {
        *lock(&self.turns.reading) = Some(beside);
        self.lock = None;
        Reading(self.turns)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        *lock(&self.0.reading) = None;
    }
}

impl Asked {
    /// Notes records that were asked for, before the answers are committed.
    pub(in crate::sync) fn note(&self, records: impl IntoIterator<Item = RecordRef>) {
        lock(&self.0).records.extend(records);
    }

    /// Notes that removals are held which the sweep may have read too early to see.
    pub(in crate::sync) fn note_held(&self) {
        lock(&self.0).holds = true;
    }

    /// Returns whether a record was asked for.
    pub(in crate::sync) fn contains(&self, record: &RecordRef) -> bool {
        lock(&self.0).records.contains(record)
    }

    /// Returns whether no more can be remembered.
    pub(in crate::sync) fn is_full(&self) -> bool {
        lock(&self.0).records.len() + MAX_BESIDE > MAX_ASKED
    }

    /// Returns whether removals were held since the sweep began.
    pub(in crate::sync) fn holds(&self) -> bool {
        lock(&self.0).holds
    }

    /// Returns all records that were asked for.
    pub(in crate::sync) fn take(&self) -> BTreeSet<RecordRef> {
        std::mem::take(&mut lock(&self.0).records)
    }
}
