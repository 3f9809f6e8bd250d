//! Tenants.

use serde_json::{Value, json};

use crate::control::{LinkedRow, Standing};

/// Returns a tenant, whether it is read, and its state.
pub fn tenant(linked: &LinkedRow) -> Value {
    let LinkedRow {
        name,
        id,
        hosts,
        region,
        standing,
        connection,
        last_success,
        next_run,
        users,
    } = linked;
    json!({
        "name": name,
        "id": id,
        "hosts": hosts,
        "region": region,
        "status": standing.word(),
        "reason": why_not_active(standing),
        "connection": connection,
        "last_success": last_success,
        "next_run": next_run,
        "users": users,
    })
}

/// Returns why a tenant is not read, or not read well; `None` if all is well.
pub fn why_not_active(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Active => None,
        Standing::Paused(pause) => Some(pause.to_string()),
        Standing::NeverReached { why } => why.clone(),
        Standing::Failing { why } => Some(why.clone()),
    }
}
