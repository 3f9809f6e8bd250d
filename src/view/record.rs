//! Records: users, roles and groups.

use serde_json::{Value, json};

use super::put;
use crate::control::RecordRow;
use crate::model::unified;

/// Returns a record in its public form: the unified schema, with its tenant.
pub fn record(row: &RecordRow) -> Value {
    let mut json = unified::value(&row.record);
    put(&mut json, "tenant", json!(row.tenant));
    put(&mut json, "version", json!(row.version));
    json
}
