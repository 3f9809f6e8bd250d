//! Qlik as a [`Connector`]: what others see of it, with its errors wrapped.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::error::Refusal;
use super::{Listing, Qlik, ReadError, audit, items, licences, spaces};
use crate::connector::{
    Assignments, Connector, FetchCause, FetchError, LicencePage, Page, Shares, SpaceListing,
    SpaceSeen, Sweep, Wait,
};
use crate::lock::lock;
use crate::model::{
    AppPlace, AuditPage, Finding, Kind, LicenceHead, Observed, PastSessions, RecordRef, SpaceId,
    Tenant, TenantId, Timestamp, Traffic,
};

impl Connector for Qlik {
    type Sweep = Listing;

    fn name(&self) -> &'static str {
        "Qlik"
    }

    async fn identify(&self) -> Result<Tenant, FetchError> {
        Ok(Qlik::identify(self).await?)
    }

    fn sweep(&self, kind: Kind) -> Listing {
        Qlik::sweep(self, kind)
    }

    /// Narrows only the listing of users: Qlik documents a filter by id for no other kind. Groups
    /// and roles are few enough to list: at most ten thousand groups and about five hundred roles.
    fn sweep_for(&self, record: &RecordRef) -> Option<Listing> {
        match record.kind {
            Kind::User => Some(Listing::of_user(Arc::clone(&self.0), &record.id)),
            Kind::Role | Kind::Group => None,
        }
    }

    async fn fetch(
        &self,
        record: &RecordRef,
    ) -> Result<Option<Result<Observed, Finding>>, FetchError> {
        Ok(Qlik::fetch(self, record).await?)
    }

    async fn spaces(&self) -> Result<SpaceListing, FetchError> {
        Ok(spaces::list(&self.0).await?)
    }

    async fn space(&self, id: &SpaceId) -> Result<SpaceSeen, FetchError> {
        Ok(spaces::fetch(&self.0, id).await?)
    }

    async fn assignments(&self, id: &SpaceId) -> Result<Assignments, FetchError> {
        Ok(spaces::assignments(&self.0, id).await?)
    }

    async fn shares(&self, id: &SpaceId) -> Result<Shares, FetchError> {
        Ok(spaces::shares(&self.0, id).await?)
    }

    async fn app(&self, tenant: &TenantId, app: &str) -> Result<AppPlace, FetchError> {
        Ok(items::app(&self.0, tenant, app).await?)
    }

    async fn licence(&self) -> Result<LicenceHead, FetchError> {
        Ok(licences::head(&self.0).await?)
    }

    async fn licence_page(&self, cursor: Option<&str>) -> Result<Option<LicencePage>, FetchError> {
        Ok(licences::page(&self.0, cursor).await?)
    }

    async fn audit_events(&self, span: RangeInclusive<Timestamp>) -> Result<AuditPage, FetchError> {
        Ok(audit::read(&self.0, span).await?)
    }

    async fn past_sessions(
        &self,
        span: RangeInclusive<Timestamp>,
    ) -> Result<PastSessions, FetchError> {
        Ok(audit::past_sessions::read(&self.0, span).await?)
    }

    fn take_traffic(&self) -> Traffic {
        let traffic = &self.0.transport.traffic;
        std::mem::take(&mut *lock(traffic))
    }

    fn wait(&self) -> Option<Wait> {
        self.0.transport.wait()
    }
}

impl Sweep for Listing {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        Ok(Listing::next(self).await?)
    }

    async fn recount(&mut self) -> Result<Option<u64>, FetchError> {
        Ok(Listing::recount(self).await?)
    }
}

impl From<ReadError> for FetchError {
    fn from(error: ReadError) -> Self {
        Self::new(error.code(), cause_of(&error), error)
    }
}

fn cause_of(error: &ReadError) -> FetchCause {
    match error {
        ReadError::TooLarge { .. } => FetchCause::TooLarge,
        ReadError::TimedOut { .. }
        | ReadError::Cut { .. }
        | ReadError::Undecodable { .. }
        | ReadError::Unexpected { .. }
        | ReadError::Redirected { .. }
        | ReadError::CursorExpired { .. }
        | ReadError::RepeatedCursor { .. }
        | ReadError::TooManyPages { .. }
        | ReadError::TooManyRecords { .. } => FetchCause::Answer,
        ReadError::Unreachable { .. } | ReadError::Unsigned { .. } => FetchCause::Other,
        ReadError::Refused { refusal, .. } => match refusal {
            Refusal::Forbidden => FetchCause::Forbidden,
            Refusal::Unavailable | Refusal::Rejected => FetchCause::Answer,
            Refusal::UnknownClient
            | Refusal::WrongSecret
            | Refusal::WrongKey
            | Refusal::ConsentNotTrusted
            | Refusal::M2mNotAllowed
            | Refusal::ScopeMissing
            | Refusal::ClientBlocked
            | Refusal::NoToken
            | Refusal::NotAccepted
            | Refusal::NotTheOrganizations
            | Refusal::NoTenant
            | Refusal::RateLimited => FetchCause::Other,
        },
    }
}
