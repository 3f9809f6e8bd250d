//! Endpoints.

use serde_json::{Value, json};

use super::put;
use crate::control::{EndpointRow, EndpointState};
use crate::deliver::{Endpoint, Format};

/// Returns an endpoint and the state of its deliveries.
pub fn endpoint(row: &EndpointRow) -> Value {
    let (mut since, mut reason, mut next_probe) = (None, None, None);
    match &row.state {
        EndpointState::NotConfigured | EndpointState::New | EndpointState::Taking => {}
        EndpointState::Backfilling { since: at, .. } | EndpointState::Stopped { since: at } => {
            since = Some(*at);
        }
        EndpointState::InTrouble {
            since: at,
            due,
            reason: why,
        } => {
            since = *at;
            next_probe = Some(*due);
            reason = Some(why);
        }
        EndpointState::Disabled {
            since: at,
            reason: why,
        } => {
            since = Some(*at);
            reason = Some(why);
        }
    }
    json!({
        "endpoint": row.name,
        "origin": row.origin,
        "state": row.state.word(),
        "since": since,
        "reason": reason,
        "next_probe": next_probe,
        "settled": row.settled,
        "behind": row.behind,
        "waiting": row.waiting,
        "parked": row.parked,
        "last_delivered": row.delivered_at,
        "error_code": row.code(),
    })
}

/// Returns an endpoint, with its settings if it is configured.
pub fn configured_endpoint(row: &EndpointRow, configured: Option<&Endpoint>) -> Value {
    let format = configured.map(Endpoint::format);
    let mut json = endpoint(row);
    put(&mut json, "format", format.map(Format::name));
    put(
        &mut json,
        "public_keys",
        configured.map(Endpoint::public_keys).unwrap_or_default(),
    );
    put(&mut json, "set_key", format.and_then(Format::set_key));
    json
}
