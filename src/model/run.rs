//! A run: one attempt to bring what we know of a tenant up to date.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Finding, HeldLoss, Kind, Loss, PlanId, RunId, TenantId, TenantName, Timestamp, losses_in_words,
};

/// The record of a run, from its first step on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The tenant, as the operator calls it.
    pub tenant_name: TenantName,
    /// The tenant's id; `None` until the tenant has answered.
    pub tenant: Option<TenantId>,
    /// What set it off.
    pub trigger: Trigger,
    /// Whether its results count.
    pub mode: Mode,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it is running.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it found, kind by kind.
    pub counts: BTreeMap<Kind, KindCounts>,
    /// How many of each sort of [`Loss`] the tenant had, as far as the run saw: what removals are
    /// weighed against.
    pub population: BTreeMap<Loss, u64>,
    /// How much of each sort the run removed.
    pub lost: BTreeMap<Loss, u64>,
    /// Removals that it held back; `None` if it held nothing.
    pub held: Option<Held>,
    /// What it cost.
    pub traffic: Traffic,
    /// What it could not read or had to leave unchanged; the first few hundred.
    pub findings: Vec<Finding>,
    /// How many of its changes the audit log should have reported before; `None` if the audit log
    /// was not expected to report any.
    pub audit_missed: Option<u64>,
    /// What it found of spaces; `None` if it did not read any.
    pub spaces: Option<SpaceCounts>,
    /// What it found of the licence; `None` if it did not read it.
    pub licence: Option<LicenceCounts>,
}

impl Run {
    /// Returns whether it set out to read the whole tenant and commit what it found. A dry run does
    /// not, nor does a run that reads single records.
    pub fn is_sweep(&self) -> bool {
        match (self.mode, self.trigger) {
            (
                Mode::Commit,
                Trigger::Start | Trigger::Schedule | Trigger::Command | Trigger::Gap,
            ) => true,
            (Mode::DryRun, _)
            | (Mode::Commit, Trigger::Audit | Trigger::Spaces | Trigger::Licence) => false,
        }
    }

    /// Returns whether it is a sweep that read the whole tenant.
    pub fn is_whole_sweep(&self) -> bool {
        self.is_sweep() && self.outcome.is_success()
    }
}

/// What sets a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The daemon started.
    Start,
    /// It was due.
    Schedule,
    /// An operator asked for it.
    Command,
    /// The audit log reported something: only the records that it named are read.
    Audit,
    /// We missed part of the audit log: the whole tenant is read.
    Gap,
    /// Spaces were due, or the audit log named some: only spaces are read.
    Spaces,
    /// The licence was due, or the audit log named it: only the licence is read.
    Licence,
}

impl Trigger {
    /// Returns whether such a run reads only what has its own schedule, and no users, roles or
    /// groups.
    pub fn is_apart(self) -> bool {
        match self {
            Self::Spaces | Self::Licence => true,
            Self::Start | Self::Schedule | Self::Command | Self::Audit | Self::Gap => false,
        }
    }

    /// Returns the trigger as one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Command => "command",
            Self::Audit => "audit",
            Self::Gap => "gap",
            Self::Spaces => "spaces",
            Self::Licence => "licence",
        }
    }
}

/// Whether a run's results count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are committed.
    Commit,
    /// They are only shown.
    DryRun,
}

/// How a run ended, or that it has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended.
    Running,
    /// Everything was read, and nothing had to be left out.
    Succeeded,
    /// Everything was read, but something was not visible or not readable; its known values stay.
    Degraded,
    /// Everything was read and applied, except removals above a limit: they wait for an operator.
    Held,
    /// The listing left out more records than we could ask for one by one, or it contradicts what
    /// the records themselves say. New and changed records were applied, and records that were left
    /// out stay.
    Incomplete {
        /// What was left out, or what contradicts what.
        reason: String,
    },
    /// It was abandoned; what it had committed stays.
    Failed {
        /// The error's code, as `docs/errors.md` lists it.
        code: String,
        /// What went wrong, all causes in one line.
        message: String,
    },
    /// The process ended in the middle of it.
    Interrupted,
}

impl Outcome {
    /// Returns the outcome as one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Degraded => "degraded",
            Self::Held => "held",
            Self::Incomplete { .. } => "incomplete",
            Self::Failed { .. } => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns whether it failed or was interrupted.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Failed { .. } | Self::Interrupted => true,
            Self::Running
            | Self::Succeeded
            | Self::Degraded
            | Self::Held
            | Self::Incomplete { .. } => false,
        }
    }

    /// Returns whether everything was read, even if something was not visible or is held.
    pub fn is_success(&self) -> bool {
        match self {
            Self::Succeeded | Self::Degraded | Self::Held => true,
            Self::Running | Self::Incomplete { .. } | Self::Failed { .. } | Self::Interrupted => {
                false
            }
        }
    }
}

/// What a run found of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    /// Distinct records that the source showed.
    pub seen: u64,
    /// Records that were not known before.
    pub created: u64,
    /// Records whose content differs.
    pub updated: u64,
    /// Records that are gone: the source said so, or enough sweeps did not list them.
    pub deleted: u64,
    /// Records missing from the sweep that were there when asked for.
    pub rescued: u64,
    /// Records that could not be read; their known values stay.
    pub unreadable: u64,
    /// Records of which a part was not visible; the known part stays.
    pub partial: u64,
}

/// What a run found of spaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceCounts {
    /// How many the listing showed; 0 if only single ones were read.
    pub listed: u64,
    /// How many were read with their assignments and shares.
    pub read: u64,
    /// Spaces that were not known before.
    pub created: u64,
    /// Spaces that differ, in themselves or in their assignments or shares.
    pub updated: u64,
    /// Spaces that are gone.
    pub deleted: u64,
    /// Spaces of which a part was not visible or not readable; the known part stays.
    pub unseen: u64,
}

/// What a run found of the licence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceCounts {
    /// Assignments that it read.
    pub read: u64,
    /// Assignments that could not be read.
    pub unreadable: u64,
    /// Subjects that it removed, since Qlik no longer shows them.
    pub removed: u64,
    /// Subjects that Qlik no longer shows. They are kept until a later reading does not show them
    /// either.
    pub kept: u64,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests sent again after a failure.
    pub retries: u64,
    /// Time spent waiting for the rate limit, the source's or our own.
    pub waited: Duration,
}

/// Removals that a run held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The plan that lists them; `None` for a dry run, and for a run that saw only part of the
    /// tenant while an older plan was open.
    pub plan: Option<PlanId>,
    /// How much is held, and why.
    pub losses: BTreeMap<Loss, HeldLoss>,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&losses_in_words(&self.losses))?;
        match self.plan {
            Some(plan) => write!(f, "; look at it with `qlik-roster plan show {plan}`"),
            None => Ok(()),
        }
    }
}
