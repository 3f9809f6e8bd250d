//! What became of a plan: what was replaced in it or withdrawn from it, and its result.

use std::collections::BTreeMap;

use crate::model::{Change, HeldLoss, HeldPlan, Kind, Loss, RecordRef, Verb};
use crate::store::{RemovalSum, Write};

/// What a new write replaces in the plan.
pub(in crate::sync) enum Replaced {
    /// This write.
    Write(Write),
    /// No write of its record was planned: the new write is returned.
    Nothing(Write),
    /// A write without a journal entry, which may have been submitted already.
    Quiet,
}

/// A planned write that was withdrawn.
#[derive(Debug)]
pub(in crate::sync) struct Withdrawn {
    pub(in crate::sync) record: RecordRef,
    pub(in crate::sync) verb: Verb,
    pub(in crate::sync) differs: Differs,
}

/// Whether the planned write would have changed its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Differs {
    Yes,
    No,
}

/// The result of a plan.
#[derive(Debug, Default)]
pub(in crate::sync) struct Finished {
    pub(in crate::sync) gathered: Gathered,
    /// What receivers would be told; only for a dry run.
    pub(in crate::sync) preview: Vec<Change>,
    /// The open plan, if it lists everything that is held; only for a dry run.
    pub(in crate::sync) listed: Option<HeldPlan>,
}

/// The result of a gathered plan.
#[derive(Debug, Default)]
pub(in crate::sync) struct Gathered {
    /// What is held, with its removals; `None` if nothing is.
    pub(in crate::sync) held: Option<Draft>,
    /// What was removed.
    pub(in crate::sync) lost: BTreeMap<Loss, u64>,
    /// Records that differ, but all of whose changes are held.
    pub(in crate::sync) unchanged: BTreeMap<Kind, u64>,
}

/// Removals of a held plan that are in the store already, before the plan itself is.
#[derive(Debug)]
pub(in crate::sync) struct Draft {
    pub(in crate::sync) losses: BTreeMap<Loss, HeldLoss>,
    pub(in crate::sync) removals: RemovalSum,
}
