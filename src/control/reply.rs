//! The answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Begun, EndpointRow, ExportRow, FindingPosition, LicenceLack, Page, PlanRow, Reloaded,
    SeparationRow, StatusPosition,
};
use crate::access::{Concern, ConcernCode};
use crate::clock::ClockJump;
use crate::model::{
    Acceptance, ConnectionName, Entry, FindingId, HeldPlan, HistoryLoss, Pause, Record, Run, Seq,
    SessionSpan, StoreId, StoreUsage, Tenant, TenantId, TenantName, Timestamp, Version,
};
use crate::sync::Moment;
use crate::telemetry::LastCrash;

/// A page of findings, all of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The findings, the most severe first.
    pub rows: Vec<ConcernRow>,
    /// How many the tenant has of each kind; only on the first page of a tenant.
    pub counts: BTreeMap<ConcernCode, u64>,
    /// How many of the requested findings an operator has accepted; only on the first page of a
    /// tenant.
    pub accepted: u64,
    /// Tenants about which nothing is known; only on the first pages.
    pub unread: Vec<UnreadRow>,
    /// The result of each rule that applies to the tenant, if findings of rules are wanted; only on
    /// the first page of a tenant.
    #[serde(default)]
    pub rules: Vec<RuleRow>,
    /// Why it is not known who of the tenant is idle, if such findings are wanted; only on the
    /// first page of a tenant.
    #[serde(default)]
    pub idleness: Vec<IdlenessRow>,
    /// If such findings are wanted and it is not known which assignments are orphans, why; only on
    /// the first page of a tenant.
    #[serde(default)]
    pub licences: Option<UnjudgedLicences>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<FindingPosition>,
}

/// A reason why it is not known who of a tenant is idle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdlenessRow {
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// What is not known.
    pub lack: IdlenessLack,
}

/// What is not known of who is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdlenessLack {
    /// Sessions are not known for as long as findings ask about, but only in this span, if at all.
    Sessions(Option<SessionSpan>),
    /// Whether this many users began a session before we found them: their accounts are older.
    Late(u64),
    /// Whether this many users, who have begun no session, are administrators: not all of their
    /// roles and groups are visible.
    Roles(u64),
}

/// A licence of which it is not known which assignments are orphans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnjudgedLicences {
    /// The tenant that it was judged for.
    pub tenant: TenantName,
    /// What is not known, and of which tenant.
    pub lacks: Vec<(TenantName, LicenceLack)>,
}

/// The result of a rule of separation of duties in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// The operator's name for the rule.
    pub rule: String,
    /// How many users break it, whether that was accepted or not.
    pub broken_by: u64,
    /// For how many users it cannot be judged, since not all of their roles or groups are visible.
    pub not_judged: u64,
    /// Whether no role of the tenant is visible, so that the names of the rule mean nothing.
    pub is_blind: bool,
    /// Whether the tenant was never read as a whole.
    pub is_unread: bool,
}

impl RuleRow {
    /// Returns whether the rule was judged for all users of the tenant.
    pub fn is_judged(&self) -> bool {
        self.not_judged == 0 && !self.is_blind && !self.is_unread
    }
}

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The entries, and the entry after or before which the next page begins.
    pub page: Page<EventRow, Seq>,
    /// The first entry that still exists; those before it were deleted.
    pub first: Seq,
    /// The last entry that existed before any was read.
    pub last: Seq,
}

/// An entry of the journal that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundEvent {
    /// The entry; `None` if it does not exist, or no longer exists.
    pub row: Option<EventRow>,
    /// The first entry that still exists; those before it were deleted.
    pub first: Seq,
}

/// The result of a run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synced {
    /// It has ended, successfully or not.
    Run(Box<SyncRow>),
    /// There was no run: the tenant is paused.
    Paused(Pause),
}

/// A plan that was approved, and the run that applies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The plan as it was before the run.
    pub plan: PlanRow,
    /// The run.
    pub run: Begun<Synced>,
}

/// A finding about an account or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcernRow {
    /// The operator's name for its tenant.
    pub tenant: TenantName,
    /// Its id, by which it is accepted and reopened.
    pub id: FindingId,
    /// The finding.
    pub concern: Concern,
    /// Who accepted it, when and why; `None` if nobody did, or it has grown since then.
    pub accepted: Option<Acceptance>,
}

/// A record in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// The operator's name for its tenant.
    pub tenant: TenantName,
    /// The version of the journal entry that last changed it; 0 if it was there at the first load.
    pub version: Version,
    /// The record.
    pub record: Record,
    /// The source's own text for it, as received when it last changed.
    pub raw: Box<str>,
}

/// An entry of the journal, with the store that makes its event's id unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// The store that holds the entry.
    pub store: StoreId,
    /// The operator's name for its tenant; `None` if it has no tenant.
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
    /// The plan that lists the removals that the run held, in its present state.
    #[serde(default)]
    pub plan: Option<HeldPlan>,
}

/// A tenant that is linked, or that the store knows because it once was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedRow {
    /// The operator's name for it.
    pub name: TenantName,
    /// Its id; `None` if it was never reached.
    pub id: Option<TenantId>,
    /// Its host names, or the one at which we try to reach it.
    pub hosts: Vec<String>,
    /// The region that stores its data.
    pub region: Option<String>,
    /// Its state.
    pub standing: Standing,
    /// The connection that it is read over; `None` if no connection leads to it any more.
    pub connection: Option<ConnectionName>,
    /// When the last complete run ended.
    pub last_success: Option<Timestamp>,
    /// When the next run is due; `None` if no daemon runs, or while a run is under way.
    pub next_run: Option<Timestamp>,
    /// Users in the store; `None` if it was never reached.
    pub users: Option<u64>,
}

/// The state of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is read.
    Active,
    /// It is paused.
    Paused(Pause),
    /// No run has reached it yet.
    NeverReached {
        /// The result of the last attempt, if there was one.
        why: Option<String>,
    },
    /// Its last run failed.
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

/// The overall state. Its lists have only the rows that belong on one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The last journal entry.
    pub last: Seq,
    /// The disk space that the store takes.
    pub space: StoreUsage,
    /// The tenants that the store knows.
    pub tenants: Vec<TenantRow>,
    /// The endpoints of the configuration.
    pub endpoints: Vec<EndpointRow>,
    /// The tenants that should be read but never were.
    #[serde(default)]
    pub unread: Vec<UnreadRow>,
    /// The rules of separation of duties that have names that match nothing.
    #[serde(default)]
    pub separations: Vec<SeparationRow>,
    /// The exports of the configuration.
    #[serde(default)]
    pub exports: Vec<ExportRow>,
    /// What was lost with a damaged store and no operator has acknowledged.
    #[serde(default)]
    pub losses: Vec<HistoryLoss>,
    /// How the clock was last set while the daemon was running, and how long ago.
    #[serde(default)]
    pub clock_jump: Option<(ClockJump, Duration)>,
    /// What became of reading the configuration again; `None` if that was not done since the start.
    #[serde(default)]
    pub reload: Option<Reloaded>,
    /// The last part of the daemon that crashed; `None` if none did since it started.
    #[serde(default)]
    pub crash: Option<LastCrash>,
    /// Where the next page begins; `None` if this is the last one.
    #[serde(default)]
    pub next: Option<StatusPosition>,
}

/// A tenant that should be read but never was, so that nothing is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadRow {
    /// The operator's name for it.
    pub name: TenantName,
    /// The result of the last failed run, or `None` if no run has failed.
    pub why: Option<String>,
}

/// A tenant of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRow {
    /// The operator's name for it.
    pub name: TenantName,
    /// What the source says about it.
    pub tenant: Tenant,
    /// Roles, groups and users in the store.
    pub counts: [u64; 3],
    /// When the last complete run ended.
    pub last_success: Option<Timestamp>,
    /// The last run, successful or not.
    pub last_run: Option<Run>,
    /// The plan whose removals are held.
    pub held: Option<HeldPlan>,
    /// The progress of the run under way.
    #[serde(default)]
    pub progress: Option<Moment>,
    /// How long ago it was last read completely, if at least three runs were due since then.
    #[serde(default)]
    pub overdue: Option<Duration>,
    /// How many lists of its spaces have more members than are kept.
    #[serde(default)]
    pub long_lists: u64,
}

impl TenantRow {
    /// Returns the code of the problem that `status` finds, apart from its last run.
    pub fn code(&self) -> Option<&'static str> {
        self.overdue.map(|_since| "tenant.overdue")
    }
}
