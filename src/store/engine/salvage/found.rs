//! What is known of a damaged store before it is salvaged.

use std::collections::BTreeMap;

use crate::clock::Clock;
use crate::model::{Kind, StoreId};
use crate::store::engine::files::mark::Mark;
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

/// What the damaged store says about itself, as far as it can be read.
#[derive(Default)]
pub struct Found {
    pub store: Option<StoreId>,
    pub head: Option<Head>,
    pub mark: Option<Mark>,
    /// How many records there were.
    pub censuses: BTreeMap<(TenantNo, Kind), u64>,
}

/// Why a store is salvaged, and where the damaged one will be moved.
pub struct Cause<'a> {
    pub damage: &'a str,
    pub moved_to: &'a str,
    pub clock: &'a Clock,
}
