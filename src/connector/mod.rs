//! Reads who is who from the source, and hands it on in our own words.
//!
//! A connector does five things: it tells whom it talks to ([`Connector::identify`]), opens a
//! listing of a kind ([`Connector::sweep`], [`Connector::sweep_for`]), asks for one record
//! ([`Connector::fetch`]), tells what has happened of late ([`Connector::audit_events`]), and tells
//! what all that cost ([`Connector::take_traffic`]). It keeps no state of records: what was known
//! before, what changed and what may be deleted is decided by others.
//!
//! What must stay true here:
//!
//! - **A sweep ends or fails.** `Ok(None)` means that the source said that there is no more;
//!   everything else (a cursor that is refused each time, a repeated one, a link without one, a
//!   page or item too many, an answer that is no listing) is an error. Nobody may mistake a part
//!   for the whole.
//! - **A record that can't be read is data.** It comes as a [`Finding`]
//!   beside the readable ones, with its id where that can be read, and never as an absence.
//! - **Absence is proven.** [`Connector::fetch`] answers `None` only for an answer of the
//!   source's own that says so, not for a stranger's 404.
//! - **Absent is not empty.** What the source leaves out of a record stays `None`.
//! - **Nothing personal leaks.** Errors and findings name fields, codes and trace ids; never
//!   bodies, values, tokens or addresses.
//!
//! A [`Page`] is cheap to make, so that the next request can go out; [`Page::read`] does the
//! heavy part, on whatever thread the caller chooses. Listings may repeat a record: the
//! caller keeps one of each id.
//!
//! Reading order: [`FetchError`] and [`Page`] cross the border, `qlik` does the work.

mod error;
mod page;
mod unreachable;
mod wait;

pub mod qlik;

use std::future::Future;
use std::ops::RangeInclusive;

use crate::model::{AuditPage, Finding, Kind, Observed, RecordRef, Tenant, Timestamp, Traffic};

pub use error::{FetchError, Problem, Refusal};
pub use page::{Page, Readout};
pub use wait::{Wait, WaitCause};

/// A source of records of one tenant.
pub trait Connector: Send + Sync + 'static {
    /// An open listing.
    type Sweep: Sweep + 'static;

    /// Asks who we are talking to, which also proves the credentials.
    fn identify(&self) -> impl Future<Output = Result<Tenant, FetchError>> + Send;

    /// Opens the listing of a kind. Nothing is asked before its first [`Sweep::next`].
    fn sweep(&self, kind: Kind) -> Self::Sweep;

    /// Opens the listing of a record's kind, narrowed to that record. `None`: the source cannot
    /// narrow the listing of that kind, which is short enough to be read whole.
    fn sweep_for(&self, record: &RecordRef) -> Option<Self::Sweep>;

    /// Asks for one record. `None`: the source says that there is none, or none any more.
    fn fetch(
        &self,
        record: &RecordRef,
    ) -> impl Future<Output = Result<Option<Result<Observed, Finding>>, FetchError>> + Send;

    /// Asks what happened within a span of time, as far as the source has a word on it by now.
    ///
    /// Audit events are hints whom to [`fetch`](Connector::fetch), never facts. They may be told
    /// twice, late, and in any order. Those that can't be read are data.
    fn audit_events(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> impl Future<Output = Result<AuditPage, FetchError>> + Send;

    /// Returns what the traffic since the last call to this cost.
    fn take_traffic(&self) -> Traffic;

    /// Returns what a request waits for before it is sent, or `None` if none waits.
    fn wait(&self) -> Option<Wait> {
        None
    }
}

/// An open listing, read page by page.
///
/// Where the source does not go on from where it was, the listing may begin again: what was shown
/// comes once more, as duplicates do.
pub trait Sweep: Send {
    /// Asks for the next page. `None`: the source said that the last one was the last.
    ///
    /// After an error the same page can be asked for again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Page>, FetchError>> + Send;

    /// Asks once more how many records the source says that the whole listing has, now that
    /// it was read. `None`: the source does not count.
    fn recount(&mut self) -> impl Future<Output = Result<Option<u64>, FetchError>> + Send;
}
