//! The tenants that the store knows, and the short numbers under which it keeps them.

use crate::lock::lock;
use crate::model::{Seq, Tenant, TenantName, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1};
use crate::store::values::tenant_no::TenantNo;

/// A tenant of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number in this store.
    pub no: TenantNo,
    /// The tenant's latest description.
    pub tenant: Tenant,
    /// The operator's latest name for it.
    pub name: TenantName,
    /// When the store first saw it.
    pub adopted_at: Timestamp,
    /// The entry that marks the end of its first load; `None` until that has ended.
    pub loaded: Option<Seq>,
}

impl Store {
    /// Gives a tenant a number, or updates one that already has a number: its id decides, never its
    /// name.
    pub fn adopt(
        &self,
        tenant: &Tenant,
        name: &TenantName,
        now: Timestamp,
    ) -> Result<Known, StoreError> {
        let _alone = lock(&self.guards.numbering);
        let tenants = self.tenants()?;
        let highest = tenants.last().map_or(0, |known| known.no.0);
        let known = tenants
            .into_iter()
            .find(|known| known.tenant.id == tenant.id);
        let adopted = Known {
            no: known
                .as_ref()
                .map_or(TenantNo(highest.saturating_add(1)), |known| known.no),
            tenant: tenant.clone(),
            name: name.clone(),
            adopted_at: known.as_ref().map_or(now, |known| known.adopted_at),
            loaded: known.as_ref().and_then(|known| known.loaded),
        };
        if known.as_ref() != Some(&adopted) {
            let row = v1::TenantRow {
                tenant: tenant.into(),
                name: name.clone(),
                adopted_at: adopted.adopted_at,
            };
            self.engine
                .write(vec![codec::put(keys::tenant(adopted.no), &row)])?;
        }
        Ok(adopted)
    }

    /// Returns the tenants by number.
    pub fn tenants(&self) -> Result<Vec<Known>, StoreError> {
        self.engine.read("reading tenants", |reader| {
            let mut tenants = Vec::new();
            for row in reader.prefix(&[Keyspace::Tenant as u8]) {
                let (key, value) = row?;
                let no = keys::tenant_no(&key).ok_or_else(|| codec::flawed(&key, "no number"))?;
                let row: v1::TenantRow<'_> = codec::read_row(&key, &value)?;
                let loaded = keys::loaded(no);
                let loaded = match reader.get(&loaded)? {
                    Some(value) => Some(codec::read_row::<v1::Seq>(&loaded, &value)?.into()),
                    None => None,
                };
                tenants.push(Known {
                    no,
                    tenant: row.tenant.into(),
                    name: row.name,
                    adopted_at: row.adopted_at,
                    loaded,
                });
            }
            Ok(tenants)
        })
    }
}
