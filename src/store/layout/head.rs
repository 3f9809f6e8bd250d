//! Decodes the row that says how far the store has got.

use crate::store::error::StoreError;
use crate::store::layout::{Stored, codec, v1, v3};
use crate::store::values::head::Head;

impl Head {
    /// Decodes the head, in whichever format it is.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        match codec::verify(key, value)? {
            (v1::Head::FORMAT, bytes) => Ok(codec::from_bytes::<v1::Head>(key, bytes)?.into()),
            (v3::Head::FORMAT, bytes) => Ok(codec::from_bytes::<v3::Head>(key, bytes)?.into()),
            (format, _) => Err(codec::unknown(key, format)),
        }
    }
}
