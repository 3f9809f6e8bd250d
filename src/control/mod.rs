//! Everything that an operator may ask, whatever transport the question comes by.
//!
//! A question is a value that knows the type of its answer ([`Query`]), and changes nothing.
//! Whatever changes something is a [`Command`]: it says who gives it, and is answered at once, with
//! a task to watch if the work takes long. Questions, commands and answers are plain values. So the
//! command line can ask a store that it has opened itself, or, over the daemon's socket, the store
//! that the daemon has open: sled lets only one process in. [`Control`] answers.
//!
//! An order about deliveries is written to the store, where each endpoint's worker picks it up
//! ([`command::SetEndpoint`]). Answers show it as done even before that.
//!
//! What must stay true: every answer is bounded, whatever the question; lists are read page by
//! page, and have a filter. Questions never change anything.

pub mod query;
pub mod command;
mod wire;
mod answer;
mod account_names;
mod acting;
mod task_id;
mod tasks;
mod outcomes;
mod reading;
mod reply;
mod page;
mod position;
mod status;
mod linked;
mod records;
mod choice;
mod meanings;
mod name_cache;
mod holders;
mod holder_rows;
mod access;
mod runs;
mod events;
mod event_feed;
mod event_choice;
mod findings;
mod searches;
mod separations;
mod find_plan;
mod plans;
mod posted_holders;
mod maintenance;
mod reload;
mod reloads;
mod deliveries;
mod token_cache;
mod api_tokens;
mod asked_app;
mod app_places;
mod ask_sources;
mod space_tables;
mod long_lists;
mod unified;
mod report;
mod export_order;
mod export_state;
mod exports;
mod gauges;
mod scim;
mod error;

pub use crate::access::{
    ConcernCode, ConcernSubject, Idleness, PERSONAL, Separation, Severity, ShareGrant, SpaceGrant,
    SpacePath, Unseen,
};
pub use crate::history::Since;
pub use crate::store::{BackedUp, BackupError};
pub use crate::telemetry::LastCrash;
pub use access::{
    AccessChangeChoice, AccessChangePosition, AccessChangeRow, AccessChanges, AccessPage,
    AccessPerson, AccessRow, AccessStanding, AppLack, ChangeBasis, ChangeCause, ChangesAnswer,
    DiffPage, DiffRow, Envelope, Everybody, EverybodyDiff, Giver, LicenceChoice, LicenceLack,
    LicenceRow, LicenceSince, LicencesPage, ListedSpace, NotKnown, Owned, Permission, Population,
    ReviewPage, SharedLink, SpaceAccess, SpaceChoice, SpaceEntry, SpaceEverybody,
    SpaceEverybodyRight, SpaceOwner, SpaceRightRow, SpaceRightsPage, SpaceRow, SpaceShown,
    SpacesPage, StaleRow, SweepMark, UserAccess, UserSpace, UserSpaces, WhichLicences,
};
pub use acting::{Acting, Actor, Face};
pub use answer::Control;
pub use api_tokens::{CreatedToken, TokenRow};
pub use asked_app::{AnswerPart, AskedApp};
pub use choice::Choice;
pub use deliveries::{
    Again, AttemptRow, ChosenNames, Count, Ended, EndpointRow, EndpointState, Endpoints, EventName,
    InvalidEventName, LetterCase, ParkedRow, Replayed, Unmatched, WaitingRow, Wish,
};
pub use error::{ControlError, SentError};
pub use event_choice::{ChangeChoice, EventChoice, EventPage, MARK, Whose, is_of_type};
pub use event_feed::{FeedEvent, FeedPage, MAX_FEED_BYTES};
pub use export_state::{ExportFailure, ExportRow, Exported};
pub use exports::{ExportOrder, Exports};
pub use gauges::{EndpointGauges, Gauges, TenantGauges};
pub use holder_rows::{GrantingGroup, HolderRow, Holders, HoldersPage, Inherited, InheritedRole};
pub use page::{MAX_FINDINGS, MAX_PAGE, Page};
pub use plans::{
    Administrators, Moved, Person, PlanRow, PlanSummary, RemovalChoice, RemovalRow, Top, TopRow,
};
pub use position::{
    AttemptPosition, FindingPlace, FindingPosition, InheritedPosition, ParkedPosition,
    RecordPosition, SpacePosition, StatusPosition, UserAccessPosition, WaitingPosition,
};
pub use reloads::{ReloadOutcome, Reloaded, Reloads};
pub use reply::{
    Approved, ConcernRow, EventRow, Events, Findings, FoundEvent, IdlenessLack, IdlenessRow,
    LinkedRow, RecordRow, RuleRow, Standing, Status, SyncRow, Synced, TenantRow, UnjudgedLicences,
    UnreadRow,
};
pub use report::{
    Cell, Column, ReportAsked, ReportName, ReportPage, ReportPosition, ReportSummary, ReportWalk,
    Sort, TenantSummary,
};
pub use scim::{
    ScimCounting, ScimOrder, ScimPage, ScimPlace, ScimPosition, ScimRefusal, ScimRow,
    SortedPosition,
};
pub use separations::SeparationRow;
pub use task_id::TaskId;
pub use tasks::{Begun, Watched};
pub use token_cache::TokenText;
pub use unified::{EffectiveRole, EffectiveRoles, UnifiedDeletedPage, UnifiedPage, UnifiedTenant};
pub use wire::{AnyCommand, AnyQuery, Command, GivenCommand, Query};

use std::path::{Path, PathBuf};

/// Returns the address of the daemon that has a store open: a Unix socket in the store's folder.
pub fn socket_path(store: &Path) -> PathBuf {
    store.join("control.sock")
}
