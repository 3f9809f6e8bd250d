//! Tokens with which programs read records and reports over HTTP.

use serde_json::{Value, json};

use super::put;
use crate::control::{TokenRow, TokenText};

/// Returns a token as it is listed, without its text.
pub fn token(row: &TokenRow) -> Value {
    let TokenRow {
        id,
        name,
        scopes,
        tenants,
        created_at,
        created_by,
        expires_at,
        is_expired,
        last_used_at,
    } = row;
    let tenants = tenants.as_ref().map(|tenants| {
        let each = tenants.iter();
        let each = each.map(|(id, name)| json!({ "id": id, "name": name }));
        each.collect::<Vec<_>>()
    });
    json!({
        "id": id,
        "name": name,
        "scopes": scopes,
        "tenants": tenants,
        "created_at": created_at,
        "created_by": created_by,
        "expires_at": expires_at,
        "is_expired": is_expired,
        "last_used_at": last_used_at,
    })
}

/// Returns a token that was just made, with its text.
pub fn created_token(row: &TokenRow, text: &TokenText) -> Value {
    let mut json = token(row);
    put(&mut json, "token", text.expose());
    json
}
