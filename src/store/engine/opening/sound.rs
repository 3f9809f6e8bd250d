//! A database that was opened and checked.

use crate::model::StoreId;
use crate::store::values::head::Head;

/// A database that contains everything up to its mark.
#[derive(Clone)]
pub struct Sound {
    pub db: sled::Db,
    pub store: StoreId,
    pub format: u32,
    pub head: Head,
}
