//! Who may write of a tenant, and what polls have looked at while a sweep reads.
//!
//! A sweep of a large tenant takes hours, and the audit log does not wait: what it tells meanwhile
//! shall be told within minutes, and a window that grows too long is a gap. Only reading takes that
//! long. So a sweep puts the pen down while it reads its listings, and a poll may take it, ask for
//! what the log has named, commit that, and put it down again.
//!
//! What must stay true:
//!
//! - One writes at a time: whoever changes state or a held plan has the pen from the first look at
//!   what is known to the end of the commit. A sweep at its listings compares and stages, and
//!   changes nothing.
//! - The newer sight counts. A poll has asked for its records after the sweep has begun, and what it
//!   has decided is in the state. So the sweep withdraws what it has staged of them ([`Asked`]), and
//!   asks for whoever differs then once more.
//! - What a poll beside a sweep holds is in a plan at once, and stays in one whatever the sweep holds: it
//!   may have read before. Where the open plan is an approved one that waits for its run, the poll looks
//!   again later.
//! - A plan of a poll beside a sweep fits one commit: the rows that are staged are the sweep's.
//! - A first load keeps the pen: nobody polls before it. A dry run, which writes nothing, leaves it to
//!   polls to its end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::lock::lock;
use crate::model::RecordRef;
use crate::store::MAX_WRITES;

/// Records that a poll beside a sweep takes at a time: so many changes fit one commit, and their rows
/// are not staged.
pub(in crate::sync) const MAX_BESIDE: usize = MAX_WRITES - 1;
/// Records that are remembered of polls beside one sweep: bounds memory. Polls wait for its end then.
const MAX_ASKED: usize = 100_000;

/// The turns of one tenant.
#[derive(Debug, Default)]
pub(in crate::sync) struct Turns {
    /// Locked by the run of the whole tenant that is under way: there is one at a time.
    sweep: tokio::sync::Mutex<()>,
    pen: tokio::sync::Mutex<()>,
    /// The sweep that has put the pen down.
    reading: Mutex<Option<Beside>>,
}

/// What a poll beside a sweep shares with it.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Beside {
    /// The tenant's turn among all who may claim it.
    pub(in crate::sync) alone: Arc<OwnedMutexGuard<()>>,
    pub(in crate::sync) asked: Asked,
}

/// What polls have looked at since a sweep began. Clones share it.
#[derive(Debug, Clone, Default)]
pub(in crate::sync) struct Asked(Arc<Mutex<Looked>>);

#[derive(Debug, Default)]
struct Looked {
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
        records: BTreeSet<RecordRef>,
        /// The sweep that reads meanwhile.
        beside: Option<Beside>,
    },
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
    /// Begins with nothing that polls have looked at.
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

/// A sweep that reads; ends with this value.
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

    /// Returns the sweep beside which whoever has the pen now writes.
    pub(in crate::sync) fn beside(&self) -> Option<Beside> {
        lock(&self.reading).clone()
    }
}

impl<'a> Pen<'a> {
    /// Takes it again, when nobody else has it.
    pub(in crate::sync) async fn take(&mut self) {
        if self.lock.is_none() {
            self.lock = Some(self.turns.pen.lock().await);
        }
    }

    /// Puts it down, so that polls may go on beside the sweep.
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
    /// Notes records that were asked for, before what was found is committed.
    pub(in crate::sync) fn note(&self, records: impl IntoIterator<Item = RecordRef>) {
        lock(&self.0).records.extend(records);
    }

    /// Notes that removals are held that the sweep may have been too early to see.
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

    /// Returns whether removals are held since.
    pub(in crate::sync) fn holds(&self) -> bool {
        lock(&self.0).holds
    }

    /// Returns all that were asked for.
    pub(in crate::sync) fn take(&self) -> BTreeSet<RecordRef> {
        std::mem::take(&mut lock(&self.0).records)
    }
}
