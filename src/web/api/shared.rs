//! What all routes of programs need.

use std::sync::Arc;

use crate::control::Control;

use super::throttle::Throttle;

/// What answers, and what slows down wrong tokens.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) control: Arc<Control>,
    pub(super) throttle: Throttle,
}

impl Api {
    /// Begins with no failures.
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self {
            control,
            throttle: Throttle::default(),
        }
    }
}
