//! What pages and streams of events share.

use std::sync::Arc;
use std::time::Duration;

use super::consumers::Consumers;
use super::params::Params;
use crate::control::{FeedPage, query};
use crate::model::ApiToken;
use crate::signal::Shutdown;
use crate::web::api::shared::Api;
use crate::web::api::unified::ApiError;

/// What answers programs that pull events.
#[derive(Debug)]
pub(super) struct Pulling {
    pub(super) api: Arc<Api>,
    pub(super) consumers: Consumers,
    pub(super) shutdown: Shutdown,
}

impl Pulling {
    /// Reads a page, once few enough others are being read. Whoever does not want to wait for
    /// events does not wait for that for long either.
    pub(super) async fn read(
        &self,
        asked: &query::EventFeed,
        wait: Duration,
    ) -> Result<FeedPage, ApiError> {
        let permit = match wait {
            Duration::ZERO => self.consumers.may_read_soon().await,
            _ => Some(self.consumers.may_read().await),
        };
        let permit = permit.ok_or_else(busy)?;
        let page = self.api.control.ask(asked.clone()).await?;
        drop(permit);
        Ok(page)
    }
}

/// Returns the question for a page.
pub(super) fn asked(
    params: &Params,
    token: &ApiToken,
    limit: usize,
    max_bytes: usize,
) -> query::EventFeed {
    query::EventFeed {
        from: params.from,
        choice: params.choice.clone(),
        covered: token.tenants.clone(),
        limit,
        max_bytes,
    }
}

pub(super) fn too_many() -> ApiError {
    ApiError::unavailable(
        "too many programs wait for events; ask again later, or without `wait`",
        Duration::from_secs(5),
    )
}

pub(super) fn busy() -> ApiError {
    ApiError::too_many(
        "too many pages of events are being read; ask again later, and read one page after the \
         other",
        Duration::from_secs(1),
    )
}
