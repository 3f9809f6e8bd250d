//! What all routes for programs share.

use std::sync::Arc;

use crate::control::Control;

use super::throttle::Throttle;

/// What answers requests, and what slows down clients with wrong tokens.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) control: Arc<Control>,
    pub(super) throttle: Throttle,
    /// The scheme of the address at which it is served: `https`, or `http`.
    pub(super) scheme: &'static str,
}

impl Api {
    /// Returns it with no failures counted.
    pub(super) fn new(control: Arc<Control>, scheme: &'static str) -> Self {
        Self {
            control,
            throttle: Throttle::default(),
            scheme,
        }
    }
}
