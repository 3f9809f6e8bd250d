//! A database that was opened and looked at.

use crate::model::StoreId;
use crate::store::engine::rows::head::Head;

/// A database that holds what it was last said to hold.
#[derive(Clone)]
pub struct Sound {
    pub db: sled::Db,
    pub store: StoreId,
    pub format: u32,
    pub head: Head,
}
