//! Reads users, roles, groups, spaces and licences from a source, and returns them in our own
//! terms.
//!
//! A connector does eight things: it says which tenant it talks to ([`Connector::identify`]), opens
//! a listing of a kind ([`Connector::sweep`], [`Connector::sweep_for`]), asks for one record
//! ([`Connector::fetch`]), reads spaces with what belongs to them ([`Connector::spaces`],
//! [`Connector::space`], [`Connector::assignments`], [`Connector::shares`]), says where an app is
//! ([`Connector::app`]), reads the licence and to whom it is assigned ([`Connector::licence`],
//! [`Connector::licence_page`]), reports recent events and earlier sessions
//! ([`Connector::audit_events`], [`Connector::past_sessions`]), and reports the traffic that all
//! this caused ([`Connector::take_traffic`]). It keeps no state about records: others decide what
//! was known before, what changed and what may be deleted.
//!
//! What must stay true here:
//!
//! - **A sweep ends or fails.** `Ok(None)` means that the source said that there is no more;
//!   everything else (a cursor that is refused each time, a repeated one, a link without one, a
//!   page or item too many, an answer that is not a listing) is an error. Nobody may mistake a part
//!   for the whole.
//! - **A record that can't be read is data.** It is returned as a [`Finding`] next to the readable
//!   ones, with its id if that can be read, and never as an absence.
//! - **Absence is proven.** [`Connector::fetch`] returns `None` only if an answer of the source
//!   itself says so, not for a 404 from a proxy or another server.
//! - **Absent is not empty.** What the source leaves out of a record stays `None`.
//! - **Nothing personal leaks.** Errors and findings name fields, codes and trace ids; never
//!   bodies, values, tokens or addresses.
//!
//! A [`Page`] is cheap to make, so that the next request can go out; [`Page::read`] does the
//! heavy part, on whatever thread the caller chooses. Listings may repeat a record: the
//! caller keeps one of each id.
//!
//! Reading order: [`FetchError`] and [`Page`] are what callers see, `qlik` does the work.

mod error;
mod licences;
mod page;
mod spaces;
mod wait;

pub mod qlik;

use std::future::Future;
use std::ops::RangeInclusive;

use crate::model::{
    AppPlace, AuditPage, Finding, Kind, LicenceHead, Observed, PastSessions, RecordRef, SpaceId,
    Tenant, TenantId, Timestamp, Traffic,
};

pub use error::{FetchCause, FetchError};
pub use licences::LicencePage;
pub use page::{Page, Readout};
pub use spaces::{Assignments, Shares, SpaceListing, SpaceSeen};
pub use wait::{Wait, WaitCause};

/// A source of one tenant's records.
pub trait Connector: Send + Sync + 'static {
    /// An open listing.
    type Sweep: Sweep + 'static;

    /// Returns the source's name, as it stands at the beginning of a sentence.
    fn name(&self) -> &'static str;

    /// Asks who we are talking to, which also proves the credentials.
    fn identify(&self) -> impl Future<Output = Result<Tenant, FetchError>> + Send;

    /// Opens the listing of a kind. No request is sent before the first [`Sweep::next`].
    fn sweep(&self, kind: Kind) -> Self::Sweep;

    /// Opens the listing of a record's kind, narrowed to that record. `None` if the source cannot
    /// narrow the listing of that kind, which is then short enough to be read whole.
    fn sweep_for(&self, record: &RecordRef) -> Option<Self::Sweep>;

    /// Asks for one record. `None` if the source says that it does not exist, or no
    /// longer exists.
    fn fetch(
        &self,
        record: &RecordRef,
    ) -> impl Future<Output = Result<Option<Result<Observed, Finding>>, FetchError>> + Send;

    /// Reads the listing of spaces to its end.
    fn spaces(&self) -> impl Future<Output = Result<SpaceListing, FetchError>> + Send;

    /// Asks for one space.
    fn space(&self, id: &SpaceId) -> impl Future<Output = Result<SpaceSeen, FetchError>> + Send;

    /// Reads who is assigned to a space.
    fn assignments(
        &self,
        id: &SpaceId,
    ) -> impl Future<Output = Result<Assignments, FetchError>> + Send;

    /// Reads the single resources that are shared from a space.
    fn shares(&self, id: &SpaceId) -> impl Future<Output = Result<Shares, FetchError>> + Send;

    /// Asks where an app of this tenant is.
    fn app(
        &self,
        tenant: &TenantId,
        app: &str,
    ) -> impl Future<Output = Result<AppPlace, FetchError>> + Send;

    /// Asks what the licence of the tenant is.
    fn licence(&self) -> impl Future<Output = Result<LicenceHead, FetchError>> + Send;

    /// Reads a page of the licence's assignments, from a cursor or from the beginning. `None` if
    /// the source does not accept the cursor: then all pages must be read again.
    fn licence_page(
        &self,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<Option<LicencePage>, FetchError>> + Send;

    /// Asks what happened within a span of time, as far as the source has reported it by now.
    ///
    /// Audit events are hints about which records to [`fetch`](Connector::fetch), never facts. They
    /// may come twice, late, and in any order. Those that can't be read are data.
    fn audit_events(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> impl Future<Output = Result<AuditPage, FetchError>> + Send;

    /// Asks which sessions began within an earlier span of time, and how far back the source knows
    /// that.
    fn past_sessions(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> impl Future<Output = Result<PastSessions, FetchError>> + Send;

    /// Returns the traffic since the last call.
    fn take_traffic(&self) -> Traffic;

    /// Returns what a request waits for before it is sent, or `None` if none waits.
    fn wait(&self) -> Option<Wait> {
        None
    }
}

/// An open listing, read page by page.
///
/// If the source cannot continue where it was, the listing may start again: records then come a
/// second time, as duplicates.
pub trait Sweep: Send {
    /// Asks for the next page. `None` if the source said that there are no more.
    ///
    /// After an error the same page can be asked for again.
    fn next(&mut self) -> impl Future<Output = Result<Option<Page>, FetchError>> + Send;

    /// Asks the source again, after the listing was read, how many records it has in all. `None` if
    /// the source does not count.
    fn recount(&mut self) -> impl Future<Output = Result<Option<u64>, FetchError>> + Send;
}
