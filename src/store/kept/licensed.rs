//! Reads what is assigned to one subject of a tenant's licence.

use crate::model::SubjectKey;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys;
use crate::store::values::licence::KeptLicence;
use crate::store::values::tenant_no::TenantNo;

use super::licences::read;

impl Store {
    /// Returns the assignments of one subject; `None` if there are none.
    pub fn licence_of(
        &self,
        no: TenantNo,
        subject: &SubjectKey,
    ) -> Result<Option<KeptLicence>, StoreError> {
        self.row("reading a licence", &keys::licence(no, subject), read)
    }
}
