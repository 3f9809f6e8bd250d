//! The data on disk: types whose bytes are frozen, separate from the values that the program uses.
//!
//! The modules `v1`, `v2` and so on contain one type for each value that the format introduced,
//! field by field in the order of the bytes. **A type that was once written is never changed.** A
//! value that has to look different gets a type of its own under the next number, and `convert`
//! says what the older bytes mean: it destructures both sides field by field, so that a new field
//! in the model does not compile until that is decided.
//!
//! Two numbers tell a reader what it is reading:
//!
//! - The **format of the store** is in one row ([`Format`]) that every version will always be able
//!   to read. It goes up by one with each change of a key or a value. An older store is migrated
//!   when it is opened, a newer one is refused.
//! - Each **value** begins with the format that introduced its layout ([`Stored::FORMAT`]). Journal
//!   entries are never rewritten, so they are read by this number, in whatever layout they have. A
//!   migration converts everything else to the newest layout.
//!
//! Ids, times, numbers and names have no parts, so nothing can be added to them. They are used here
//! as they are, and a test freezes their bytes.

pub mod codec;
pub mod convert;
pub mod entry;
pub mod head;
pub mod held;
pub mod keys;
pub mod rows;
pub mod skim;

pub mod v1;
pub mod v10;
pub mod v2;
pub mod v3;
pub mod v4;
pub mod v5;
pub mod v6;
pub mod v7;
pub mod v8;
pub mod v9;

use serde::{Deserialize, Serialize};

use crate::model::StoreId;

/// The newest format of a store: the one that this version writes, and the newest that it reads.
pub const NEWEST: u32 = 10;

/// The layout of the values that serde does not encode: blocks of records, and buckets of
/// fingerprints.
pub const PACKED: u8 = 1;

/// A type whose bytes are on disk somewhere.
pub trait Stored {
    /// The format of the store that introduced this layout. Each value begins with it.
    const FORMAT: u8;
}

/// What the store says about itself, and the first value that is read. This value alone never
/// changes: by it an older version recognizes a newer store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The format of the store.
    pub version: u32,
    /// Distinguishes it from every other store.
    pub store: StoreId,
}

impl Stored for Format {
    const FORMAT: u8 = 1;
}

/// Declares that types belong to a format.
macro_rules! stored {
    ($format:literal: $($name:ident $(<$life:lifetime>)?),+ $(,)?) => {$(
        impl $(<$life>)? $crate::store::layout::Stored for $name $(<$life>)? {
            const FORMAT: u8 = $format;
        }
    )+};
}

pub(in crate::store) use stored;
