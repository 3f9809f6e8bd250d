//! The values that all layers share and pass to each other.
//!
//! Everything here is pure: no I/O, no clock, no async, nothing of Qlik's wire format and nothing
//! of the store's. A connector makes these values, `reconcile` compares them, the store keeps them,
//! `deliver` and the faces show them.
//!
//! Reading order: ids and time first, then the three records, then what can happen to a record,
//! then the runs and events in which it happens, and the audit events that say which records to
//! read again.

mod canonical;
mod id;
mod time;

mod app;
mod coded;
mod field;
mod group;
mod kind;
mod licence;
mod record;
mod role;
mod space;
mod user;

mod acceptance;
mod api_token;
mod change;
mod delta;
mod entry;
mod finding;
mod held;
mod licence_change;
mod link;
mod space_change;
mod audit_event;
mod called;
mod number;
mod right;
mod run;
mod run_id;
mod session;
mod store_usage;
mod store_check;
mod tenant;

pub mod scim;
pub mod unified;

pub use acceptance::{Acceptance, FindingId, InvalidFindingId};
pub use api_token::{ApiToken, InvalidTokenId, Scope, TokenDigest, TokenId};
pub use app::AppPlace;
pub use audit_event::{
    About, AuditEvent, AuditEventId, AuditPage, Extent, PastSessions, Reported, SessionBegin,
};
pub use called::Called;
pub use canonical::canonical;
pub use change::{Change, Verb};
pub use coded::{Coded, GroupType, RoleType, UserStatus};
pub use delta::{FieldDelta, delta};
pub use entry::{
    Entry, EntryDigest, EventId, Fact, HistoryLoss, InvalidEventId, Missing, Origin, Recovery, Seq,
    Stamp, StoreId, Version,
};
pub use field::{Field, FieldValue, Section};
pub use finding::{Finding, FindingCode};
pub use group::Group;
pub use held::{
    HeldLoss, HeldPlan, Loss, LossRow, PlanState, Proof, Reason, Removal, Taken, Weight, loss_rows,
    losses_in_words,
};
pub use id::{GroupId, Id, InvalidId, RoleId, SpaceId, UserId};
pub use kind::Kind;
pub use licence::{Allotment, LicenceAssignment, LicenceHead, MAX_SUBJECT, SubjectKey};
pub use licence_change::{LicenceChange, OtherLicence, SubjectChange, are_same_assignments};
pub use link::{ConnectionName, Link, Pause};
pub use number::Thousands;
pub use record::{Assigned, Fingerprint, Observed, Record, RecordRef};
pub use right::{
    AccessChange, AccountChange, Barrier, Holder, ListId, OWNER, Path, Right, RightChange,
    RightHolders, RoleMention, ShownPath, SpaceMention,
};
pub use role::Role;
pub use run::{Held, KindCounts, LicenceCounts, Mode, Outcome, Run, SpaceCounts, Traffic, Trigger};
pub use run_id::{PlanId, RunId};
pub use session::{LastSession, SESSION_AHEAD, SessionSpan, UserSession};
pub use space::{
    Assignee, MAX_IN_SPACE, Space, SpaceAssignment, SpaceHead, SpaceList, SpacePart, SpaceShare,
};
pub use space_change::{Found, ListChange, SpaceChange};
pub use store_check::{Fault, StoreCheck};
pub use store_usage::{KeptFor, Lack, StoreUsage};
pub use tenant::{Account, EndpointName, ExportName, Tenant, TenantId, TenantName};
pub use time::Timestamp;
pub use user::User;
