//! What became of a plan: what was replaced in it, withdrawn from it, and what it came to.

use std::collections::BTreeMap;

use crate::model::{Change, HeldLoss, HeldPlan, Kind, Loss, RecordRef, Verb};
use crate::store::{Entries, Write};

/// What another write was put in the place of.
pub(in crate::sync) enum Replaced {
    /// This one.
    Write(Write),
    /// None of its record: the write comes back.
    Nothing(Write),
    /// One that tells nobody, and may be on its way already.
    Quiet,
}

/// What was planned of a record, and is no more.
#[derive(Debug)]
pub(in crate::sync) struct Withdrawn {
    pub(in crate::sync) record: RecordRef,
    pub(in crate::sync) verb: Verb,
    pub(in crate::sync) differs: Differs,
}

/// Whether what was planned would have left a record other than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Differs {
    Yes,
    No,
}

/// What a plan came to.
#[derive(Debug, Default)]
pub(in crate::sync) struct Finished {
    pub(in crate::sync) gathered: Gathered,
    /// What would be told; only of a dry run.
    pub(in crate::sync) preview: Vec<Change>,
    /// The open plan, if it lists all that is held; only of a dry run.
    pub(in crate::sync) listed: Option<HeldPlan>,
}

/// What a gathered plan came to.
#[derive(Debug, Default)]
pub(in crate::sync) struct Gathered {
    /// What was held back, with its entries; `None` if nothing was.
    pub(in crate::sync) held: Option<Draft>,
    /// What was taken away.
    pub(in crate::sync) lost: BTreeMap<Loss, u64>,
    /// Records that changed, and of which every change is held.
    pub(in crate::sync) unchanged: BTreeMap<Kind, u64>,
}

/// Entries of a held plan that are in the store, without the plan so far.
#[derive(Debug)]
pub(in crate::sync) struct Draft {
    pub(in crate::sync) losses: BTreeMap<Loss, HeldLoss>,
    pub(in crate::sync) entries: Entries,
}
