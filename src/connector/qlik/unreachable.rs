//! What it means that a tenant could not be reached, and what an operator can do about it.

use crate::obstacle::{Obstacle, Stage};

pub(super) fn code(obstacle: &Obstacle) -> &'static str {
    match obstacle.stage() {
        Stage::Name => "qlik.host-not-found",
        Stage::Tls => "qlik.tls",
        Stage::Proxy => "qlik.proxy",
        Stage::Connection => "qlik.connection",
    }
}

/// Returns whether a later attempt may succeed. A name may be unknown only because a resolver is
/// down for a moment.
pub(super) fn is_transient(obstacle: &Obstacle) -> bool {
    match obstacle.stage() {
        Stage::Name | Stage::Proxy | Stage::Connection => true,
        Stage::Tls => false,
    }
}

pub(super) fn remedy(obstacle: &Obstacle) -> &'static str {
    match (obstacle.remedy(), obstacle.stage()) {
        (Some(remedy), _) => remedy,
        (None, Stage::Name) => {
            "check the tenant's host, region included (acme.eu.qlikcloud.com), and this \
             machine's name service"
        }
        (None, Stage::Proxy) => "check HTTPS_PROXY and NO_PROXY, and what the proxy lets through",
        (None, Stage::Connection | Stage::Tls) => {
            "check that this machine can reach the tenant on port 443"
        }
    }
}
