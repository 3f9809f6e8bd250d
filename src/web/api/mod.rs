//! What programs read over HTTP: records in the unified schema. Each program has a token.

mod caller;
mod shared;
mod throttle;
mod unified;

use std::sync::Arc;

use axum::Router;

use crate::control::Control;

use shared::Api;

/// Makes the routes of the API.
pub(super) fn router(control: Arc<Control>) -> Router {
    unified::router(Arc::new(Api::new(control)))
}
