//! What pages and streams of events share.

use std::sync::Arc;
use std::time::Duration;

use super::consumers::Consumers;
use super::params::Params;
use crate::control::query;
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
