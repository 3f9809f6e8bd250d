//! Which configured tenant reads which tenant of Qlik's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{TenantId, TenantName};

/// The tenants that are read in this process, by id. Clones share it.
///
/// One tenant may have several host names. Two jobs that read one tenant would each compare
/// with what the other is about to change.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<HashMap<TenantId, TenantName>>>);

impl Claims {
    /// Claims a tenant for a name. Returns the name that has it already, if that is another.
    pub(super) fn claim(&self, tenant: &TenantId, name: &TenantName) -> Result<(), TenantName> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = claims.entry(tenant.clone()).or_insert_with(|| name.clone());
        if holder == name {
            Ok(())
        } else {
            Err(holder.clone())
        }
    }
}
