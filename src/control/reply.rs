//! What is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Begun, EndpointRow, Page, PlanRow};
use crate::access::{Concern, ConcernCode};
use crate::clock::Turned;
use crate::model::{
    Acceptance, Change, ConnectionName, Entry, FindingId, HeldPlan, HistoryLoss, Pause, Record,
    Run, Seq, StoreId, StoreUsage, Tenant, TenantId, TenantName, Timestamp, Version,
};
use crate::sync::Moment;

/// A page of findings: those of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The first ten thousand, the gravest first.
    pub rows: Vec<ConcernRow>,
    /// How many there are of each sort, also those that are left out.
    pub counts: BTreeMap<ConcernCode, u64>,
    /// How many of those asked for an operator has accepted.
    pub accepted: u64,
    /// Tenants of which nothing is known; on the first page.
    pub unread: Vec<UnreadRow>,
    /// After which tenant the next page begins; `None` if this is the last one.
    pub next: Option<TenantName>,
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The entries, and behind or before which entry the next page begins.
    pub page: Page<EventRow, Seq>,
    /// The first entry that is there; those before it were deleted.
    pub first: Seq,
    /// The last entry that was there before any was read.
    pub last: Seq,
}

/// An entry of the journal that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundEvent {
    /// The entry; `None` if there is no such entry, or no longer.
    pub row: Option<EventRow>,
    /// The first entry that is there; those before it were deleted.
    pub first: Seq,
}

/// What came of a run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synced {
    /// It has ended, however it did.
    Run(Box<SyncRow>),
    /// There was none: the tenant is not read for now.
    Paused(Pause),
}

/// A plan that was approved, and the run that goes by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The plan, before the run.
    pub plan: PlanRow,
    /// The run.
    pub run: Begun<Synced>,
}

/// Something of concern about an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcernRow {
    /// Its tenant, as the operator calls it.
    pub tenant: TenantName,
    /// Its id, by which it is accepted and reopened.
    pub id: FindingId,
    /// What it is.
    pub concern: Concern,
    /// Who accepted it, when and why; `None` if nobody did, or it has grown since.
    pub accepted: Option<Acceptance>,
}

/// A record as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Its tenant, as the operator calls it.
    pub tenant: TenantName,
    /// The version of the journal entry that left it so; 0: it was there at the first load.
    pub version: Version,
    /// The record.
    pub record: Record,
    /// The source's own text of it, as received when it last changed.
    pub raw: Box<str>,
}

/// An entry of the journal, with the store that makes its event's id unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// The store that holds the entry.
    pub store: StoreId,
    /// The tenant that it is of, as the operator calls it; `None` if it is of none.
    #[serde(default)]
    pub tenant: Option<TenantName>,
    /// The entry.
    pub entry: Entry,
}

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRow {
    /// The run.
    pub run: Run,
    /// What would be told; of a dry run only, and not more than the first ten thousand.
    pub preview: Vec<Change>,
    /// The plan that lists what the run held, as it is now.
    #[serde(default)]
    pub plan: Option<HeldPlan>,
}

/// A tenant that is linked, or that the store knows from the time when it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedRow {
    /// What the operator calls it.
    pub name: TenantName,
    /// Its id; none until it was reached.
    pub id: Option<TenantId>,
    /// Its host names, or the one by which it is to be reached.
    pub hosts: Vec<String>,
    /// The region that keeps its data.
    pub region: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The connection that it is read over; none where nothing leads to it any more.
    pub connection: Option<ConnectionName>,
    /// When the last run ended that read everything.
    pub last_success: Option<Timestamp>,
    /// When the next run is due; none where no daemon runs, or while a run goes on.
    pub next_run: Option<Timestamp>,
    /// Users in the store; none until it was reached.
    pub users: Option<u64>,
}

/// How a tenant stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is read.
    Active,
    /// It is not read for now.
    Paused(Pause),
    /// No run has reached it yet.
    NeverReached {
        /// What the last attempt came to, if there was one.
        why: Option<String>,
    },
    /// Its last run was given up.
    Failing {
        /// What went wrong.
        why: String,
    },
}

impl Standing {
    /// Returns the word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused(_) => "paused",
            Self::NeverReached { .. } => "never reached",
            Self::Failing { .. } => "failing",
        }
    }
}

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The last journal entry.
    pub last: Seq,
    /// How much room the store takes.
    pub space: StoreUsage,
    /// The tenants that the store knows.
    pub tenants: Vec<TenantRow>,
    /// The endpoints of the configuration.
    pub endpoints: Vec<EndpointRow>,
    /// The tenants that are to be read and never were.
    #[serde(default)]
    pub unread: Vec<UnreadRow>,
    /// What was lost with a damaged store, and no operator has taken note of.
    #[serde(default)]
    pub losses: Vec<HistoryLoss>,
    /// How the clock was last set while the daemon ran, and how long ago.
    #[serde(default)]
    pub turned: Option<(Turned, Duration)>,
}

/// A tenant that is to be read and never was, so that nothing is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRow {
    /// What the operator calls it.
    pub name: TenantName,
    /// What the last failed run came to, or `None` if no run has failed.
    pub why: Option<String>,
}

/// A tenant of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRow {
    /// What the operator calls it.
    pub name: TenantName,
    /// What the source says of it.
    pub tenant: Tenant,
    /// Roles, groups and users in the store.
    pub counts: [u64; 3],
    /// When the last run ended that read everything.
    pub last_success: Option<Timestamp>,
    /// The last run, however it ended.
    pub last_run: Option<Run>,
    /// The plan whose removals are out.
    pub held: Option<HeldPlan>,
    /// How far the run under way is.
    #[serde(default)]
    pub progress: Option<Moment>,
    /// How long it has not been read as a whole, where three runs or more were due since.
    #[serde(default)]
    pub overdue: Option<Duration>,
}

impl TenantRow {
    /// Returns the code of what `status` finds wrong with it, beside its last run.
    pub fn code(&self) -> Option<&'static str> {
        self.overdue.map(|_since| "tenant.overdue")
    }
}
