//! Everything that an operator may ask, whoever carries the question.
//!
//! A question is a [`Request`], the answer a [`Reply`]; both are plain values, so that the
//! command line can ask a store that it has opened itself or, over the daemon's socket, the
//! store that the daemon holds: sled lets one process in. [`Control`] answers.
//!
//! What is wanted of deliveries is written into the store, where each endpoint's worker takes it
//! up ([`DeliveryRequest`]); what was ordered shows as done before that.
//!
//! What must stay true: an answer has a bound, whatever was asked; long lists are asked for
//! page by page. Reading never changes anything.

mod request;
mod reply;
mod answer;
mod choice;
mod deliveries;
mod event_choice;
mod events;
mod holder_rows;
mod holders;
mod inspect;
mod linked;
mod meanings;
mod plans;
mod reading;
mod records;
mod error;

pub use crate::access::{ConcernCode, Severity};
pub use answer::Control;
pub use choice::Choice;
pub use deliveries::{
    Again, AttemptRow, Count, DeliveryReply, DeliveryRequest, Ended, EndpointRow, EndpointState,
    Endpoints, EventName, InvalidEventName, ParkedRow, Unmatched, WaitingRow, Wish,
};
pub use error::ControlError;
pub use event_choice::{EventChoice, EventPage, MARK, Whose, is_of_type};
pub use holder_rows::{HolderRow, Holders, Inherited, InheritedRole};
pub use plans::{Administrators, Moved, Person, PlanRow, PlanSummary, RemovalRow, Top, TopRow};
pub use reply::{
    ConcernRow, EventRow, LinkedRow, RecordRow, Reply, Standing, Status, SyncRow, TenantRow,
    UnreadRow,
};
pub use request::{FindingRequest, FindingStanding, MAX_PAGE, Place, Request, RunChoice};

use std::path::{Path, PathBuf};

/// Returns where the daemon that holds a store answers: a Unix socket in the store's folder.
pub fn socket_path(store: &Path) -> PathBuf {
    store.join("control.sock")
}
