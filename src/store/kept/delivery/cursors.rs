//! Reads the cursors of endpoints.

use crate::model::EndpointName;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::read_cursor;
use crate::store::values::delivery::Cursor;

impl Store {
    /// Returns an endpoint's cursor; `None` if it has none yet.
    pub fn cursor(&self, endpoint: &EndpointName) -> Result<Option<Cursor>, StoreError> {
        self.engine.read("reading a cursor", |reader| {
            let key = keys::cursor(endpoint);
            match reader.get(&key)? {
                Some(value) => read_cursor(&key, &value).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Returns the cursors of all endpoints that ever had one, by name.
    pub fn cursors(&self) -> Result<Vec<(EndpointName, Cursor)>, StoreError> {
        self.engine.read("reading cursors", |reader| {
            reader
                .prefix(&[Keyspace::Cursor as u8])
                .map(|row| {
                    let (key, value) = row?;
                    let name = key.get(1..).and_then(|name| str::from_utf8(name).ok());
                    let name = name.ok_or_else(|| codec::flawed(&key, "of no endpoint"))?;
                    let cursor = read_cursor(&key, &value)?;
                    Ok((EndpointName(name.to_owned()), cursor))
                })
                .collect()
        })
    }
}
