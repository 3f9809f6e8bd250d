//! Reads rows of a store in the layout that they have in its format.

use serde::de::DeserializeOwned;

use crate::store::error::StoreError;
use crate::store::layout::{Stored, codec};

/// How the value of a row is encoded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Encoding {
    /// As it is.
    Plain,
    /// Compressed.
    Packed,
}

/// Reads a row in its layout in a format of the store: `New` since the format that introduced it,
/// `Old` before. A row of the other layout is a fault.
pub(super) fn read<Old, New>(
    format: u32,
    encoding: Encoding,
    (key, value): (&[u8], &[u8]),
) -> Result<(), StoreError>
where
    Old: Stored + DeserializeOwned,
    New: Stored + DeserializeOwned,
{
    match (format < u32::from(New::FORMAT), encoding) {
        (true, Encoding::Plain) => codec::read_row::<Old>(key, value).map(drop),
        (true, Encoding::Packed) => codec::read_packed_row::<Old>(key, value).map(drop),
        (false, Encoding::Plain) => codec::read_row::<New>(key, value).map(drop),
        (false, Encoding::Packed) => codec::read_packed_row::<New>(key, value).map(drop),
    }
}
