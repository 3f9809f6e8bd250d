//! The number by which keys name a tenant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of a tenant within one store: kept short because keys contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantNo(pub(in crate::store) u32);

impl fmt::Display for TenantNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
