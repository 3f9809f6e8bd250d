//! Removals that wait for an operator: what would be lost, how much, and the state of the plan.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Account, GroupId, Kind, PlanId, RecordRef, RoleId, RunId, Timestamp};

/// What can be lost. Each has limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Users who are gone.
    Users,
    /// Roles that are gone.
    Roles,
    /// Groups that are gone.
    Groups,
    /// Memberships of users in groups.
    Memberships,
    /// Roles that users or groups had.
    RoleAssignments,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Users,
        Self::Roles,
        Self::Groups,
        Self::Memberships,
        Self::RoleAssignments,
    ];

    /// Returns the sort of loss that the deletion of a record of this kind counts as.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Role => Self::Roles,
            Kind::Group => Self::Groups,
            Kind::User => Self::Users,
        }
    }

    /// Returns the word that settings and events use: `role_assignments`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::RoleAssignments => "role_assignments",
        }
    }
}

impl fmt::Display for Loss {
    /// Writes it for people: `role assignments`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RoleAssignments => "role assignments",
            Self::Users | Self::Roles | Self::Groups | Self::Memberships => self.word(),
        })
    }
}

/// How much of something would be lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// How many would be lost.
    pub lost: u64,
    /// How many were known.
    pub known: u64,
    /// How many the source still shows.
    pub shown: u64,
}

/// Why removals are held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing at all would be left.
    NothingLeft,
    /// More than the allowed number would be lost.
    OverCount {
        /// The limit.
        max_count: u64,
    },
    /// More than the allowed share would be lost, in per mille.
    OverShare {
        /// The limit.
        max_permille: u32,
    },
    /// The tenant's guard holds every removal.
    Never,
}

impl Eq for Reason {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeft => f.write_str("nothing would be left"),
            Self::OverCount { max_count } => write!(f, "more than {max_count} at once"),
            Self::OverShare { max_permille } => {
                let (whole, tenth) = (max_permille / 10, max_permille % 10);
                match tenth {
                    0 => write!(f, "more than {whole} % at once"),
                    _ => write!(f, "more than {whole}.{tenth} % at once"),
                }
            }
            Self::Never => f.write_str("the guard of this tenant holds every removal"),
        }
    }
}

/// How much of one sort of loss is held, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLoss {
    /// How much it is.
    pub weight: Weight,
    /// Why it is held.
    pub reason: Reason,
}

/// How much of one sort of loss is held, as events and the JSON of plans show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossRow {
    /// The word for the sort: `role_assignments`.
    pub kind: &'static str,
    /// How many would be lost.
    pub lost: u64,
    /// How many were known.
    pub known: u64,
    /// How many the source still shows.
    pub shown: u64,
    /// Why it is held, in words.
    pub reason: String,
}

/// Returns what is held, sort by sort, in the form that people see.
pub fn loss_rows(losses: &BTreeMap<Loss, HeldLoss>) -> Vec<LossRow> {
    let row = |(loss, held): (&Loss, &HeldLoss)| {
        let Weight { lost, known, shown } = held.weight;
        LossRow {
            kind: loss.word(),
            lost,
            known,
            shown,
            reason: held.reason.to_string(),
        }
    };
    losses.iter().map(row).collect()
}

/// Removals of one run that wait for an operator. Everything else of that run was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPlan {
    /// The plan's number.
    pub id: PlanId,
    /// The tenant, by its name at that time.
    pub account: Account,
    /// When the removals were held.
    pub at: Timestamp,
    /// What is held, and why.
    pub losses: BTreeMap<Loss, HeldLoss>,
    /// How many removals it lists, one for each record.
    pub entries: u64,
    /// The sum of the hashes of its removals: the same removals give the same sum, in any order.
    pub checksum: u64,
    /// The state of the plan.
    pub state: PlanState,
}

impl HeldPlan {
    /// Returns the code under which `docs/errors.md` says what to do about the plan.
    pub fn code(&self) -> &'static str {
        "sync.held"
    }
}

/// The state of a held plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It waits.
    Held,
    /// An operator approved it; the next complete run applies it.
    Approved {
        /// When it was approved.
        at: Timestamp,
    },
    /// All of it was applied.
    Applied {
        /// When it was applied.
        at: Timestamp,
        /// The run that applied it.
        run: RunId,
    },
    /// An operator rejected it. The removals stay held as long as the source shows the same ones.
    Rejected {
        /// When it was rejected.
        at: Timestamp,
    },
    /// A later run found other removals, which are in another plan.
    Superseded {
        /// When it was superseded.
        at: Timestamp,
        /// The plan that lists the other removals.
        by: PlanId,
    },
    /// The source shows the missing records again.
    Recovered {
        /// When a run found that.
        at: Timestamp,
        /// The run that found it.
        run: RunId,
    },
}

impl PlanState {
    /// Returns the state as one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Approved { .. } => "approved",
            Self::Applied { .. } => "applied",
            Self::Rejected { .. } => "rejected",
            Self::Superseded { .. } => "superseded",
            Self::Recovered { .. } => "recovered",
        }
    }

    /// Returns whether the removals are still held: the plan is the tenant's current one.
    pub fn is_open(self) -> bool {
        match self {
            Self::Held | Self::Approved { .. } | Self::Rejected { .. } => true,
            Self::Applied { .. } | Self::Superseded { .. } | Self::Recovered { .. } => false,
        }
    }
}

/// Returns, in words, how much of each sort is held, and why.
pub fn losses_in_words(losses: &BTreeMap<Loss, HeldLoss>) -> String {
    if losses.is_empty() {
        return "roles or groups that are needed by records that were held or not seen".to_owned();
    }
    let losses = losses.iter().map(|(loss, held)| {
        let Weight { lost, known, .. } = held.weight;
        format!("{lost} of {known} {loss} ({})", held.reason)
    });
    losses.collect::<Vec<_>>().join(", ")
}

/// The part of a held plan that concerns one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The record.
    pub record: RecordRef,
    /// What a person calls it.
    pub label: String,
    /// What would be removed.
    pub what: Taken,
}

/// What a removal takes away: the record itself, or some of its access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// The record itself.
    Record {
        /// How we know that it is gone.
        proof: Proof,
    },
    /// Some of its access.
    Access {
        /// Roles that it would no longer hold.
        roles: BTreeMap<RoleId, String>,
        /// Groups that it would no longer be in.
        groups: BTreeMap<GroupId, String>,
    },
}

/// How we know that a record is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The source said so when asked for the record by id. Or, if we are not allowed to ask, enough
    /// complete sweeps in a row did not list it.
    Confirmed,
    /// A complete sweep did not list it. We ask for it before we delete it, but have not done so
    /// yet: enough other records were gone to hold the plan anyway.
    NotYetAsked,
}
