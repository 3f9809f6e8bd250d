//! The tenants that each connection to an organization's console has listed.

use crate::model::{ConnectionName, Link};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1};

impl Store {
    /// Returns the tenants that a connection found; empty if it has not looked yet.
    pub fn links(&self, connection: &ConnectionName) -> Result<Vec<Link>, StoreError> {
        self.engine.read("reading links", |reader| {
            let key = keys::links(connection);
            match reader.get(&key)? {
                Some(value) => {
                    let v1::Links(links) = codec::read_row(&key, &value)?;
                    Ok(links.into_iter().map(Into::into).collect())
                }
                None => Ok(Vec::new()),
            }
        })
    }

    /// Stores the tenants that a connection found, replacing the earlier ones; on disk when it
    /// returns.
    pub fn set_links(&self, connection: &ConnectionName, links: &[Link]) -> Result<(), StoreError> {
        let row = v1::Links(links.iter().map(Into::into).collect());
        self.engine
            .write(vec![codec::put(keys::links(connection), &row)])?;
        Ok(())
    }
}
