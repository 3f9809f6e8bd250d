//! Validates whether sessions are read, and for how long users may be without one.

use std::time::Duration;

use super::problem::Problems;
use super::{Fault, raw};
use crate::access::{IDLE_ADMIN, IdleLimits, LEFT_IDP};
use crate::sync::{SessionReadings, parse_duration};

/// The shortest and the longest time. A shorter one would find whoever is on holiday, and a longer
/// one nobody within the time that people wait.
const LIMITS: [Duration; 2] = [
    Duration::from_secs(24 * 3600),
    Duration::from_secs(3 * 366 * 24 * 3600),
];

/// Whether to read the sessions of tenants that have no setting of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionsDraft {
    are_read: bool,
}

impl SessionsDraft {
    /// Validates the setting in `[access]`.
    pub(super) fn new(access: &raw::Access) -> Self {
        Self {
            are_read: access.sessions.unwrap_or(false),
        }
    }

    /// Returns whether the sessions of a tenant are read; `None` if it has no settings of its own.
    pub(super) fn of(self, tenant: Option<&raw::Tenant>) -> SessionReadings {
        let own = tenant.and_then(|tenant| tenant.sessions);
        match own.unwrap_or(self.are_read) {
            true => SessionReadings::On,
            false => SessionReadings::Off,
        }
    }
}

/// Validates for how long users may be without a session.
pub(super) fn idle_limits(access: &raw::Access, problems: &mut Problems) -> IdleLimits {
    let mut limit = |key: &str, text: Option<&str>, usual: Duration| match text.map(str::trim) {
        None => Some(usual),
        Some("off") => None,
        Some(text) => {
            let [least, most] = LIMITS;
            let time = parse_duration(text).filter(|time| (least..=most).contains(time));
            if time.is_none() {
                let fault = Fault::OutOfRange {
                    value: format!("`{text}`"),
                    allowed: "a time from `1d` to `1098d`, such as `90d`, or `off`",
                };
                problems.add(format!("access.{key}"), fault);
            }
            time
        }
    };
    IdleLimits {
        admin: limit("idle_admin", access.idle_admin.as_deref(), IDLE_ADMIN),
        left_idp: limit("left_idp", access.left_idp.as_deref(), LEFT_IDP),
    }
}
