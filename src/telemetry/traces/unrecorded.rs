//! Records nothing: the program was built without the feature `otel`.

use std::convert::Infallible;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::error::TracesError;
use super::parts::{Attribute, NewSpan};
use super::settings::TraceSettings;

use crate::forward_proxy::ForwardProxy;

/// What sends spans, which does not exist.
pub(super) type Provider = Infallible;

/// A span that is recorded, which does not exist.
#[derive(Debug)]
pub(super) struct Recording(Infallible);

/// Refuses.
pub(super) fn start(
    _settings: &TraceSettings,
    _proxy: Option<ForwardProxy>,
) -> Result<Provider, TracesError> {
    Err(TracesError::NotBuilt)
}

/// Cannot be called.
#[expect(clippy::unused_async, reason = "with the feature, it waits")]
pub(super) async fn end(provider: Provider, _longest: Duration) {
    match provider {}
}

/// Returns whether spans are recorded.
pub(super) fn is_on() -> bool {
    false
}

/// Does some work.
pub(super) fn within<F: Future>(_recording: Option<&Recording>, work: F) -> F {
    work
}

impl Recording {
    pub(super) fn begin(new: NewSpan, _parent: Option<&HeaderMap>) -> Self {
        let NewSpan {
            name,
            side,
            attributes,
        } = new;
        unreachable!("{name} is not recorded: {side:?}, {}", attributes.len())
    }

    pub(super) fn set(&self, _key: &'static str, _value: Attribute) {
        match self.0 {}
    }

    pub(super) fn fail(&self, _code: &str) {
        match self.0 {}
    }

    pub(super) fn headers(&self) -> HeaderMap {
        match self.0 {}
    }
}
