//! Tokens that let programs read over HTTP.

use serde::{Deserialize, Serialize};

use crate::model::{TenantId, Timestamp};
use crate::store::layout::stored;

stored!(9: ApiToken);

#[derive(Debug, Serialize, Deserialize)]
pub struct ApiToken {
    pub digest: [u8; 32],
    pub name: String,
    pub scopes: Vec<Scope>,
    pub tenants: Option<Vec<TenantId>>,
    pub created_at: Timestamp,
    pub created_by: String,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Scope {
    Read,
    Scim,
    Events,
    Admin,
}
