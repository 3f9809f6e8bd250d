//! What is on disk: types whose bytes are frozen, apart from the values that the program works
//! with.
//!
//! `v1.rs` and its like hold one type for each value of the format that brought it, field by
//! field in the order of the bytes. **A type that was written once is never changed.** A value
//! that has to look different gets a type of its own under the next number, and `convert` says
//! what the older bytes mean: it takes both sides apart field by field, so that a field that is
//! new in the model does not compile until that was decided.
//!
//! Two numbers tell a reader what it has before it:
//!
//! - The **format of the store** stands in one row ([`Format`]) that every version can read, for
//!   ever. It goes up by one with each change of a key or a value. An older store is migrated at
//!   its opening, a newer one is refused.
//! - Each **value** begins with the format that brought its layout ([`Stored::FORMAT`]). Journal
//!   entries are never rewritten, so they are read by this number, in whatever layout they have.
//!   Everything else is turned into the newest layout by a migration.
//!
//! Ids, times, numbers and names have no parts, so nothing can be added to them. They are used
//! here as they are, and a test holds their bytes.

pub mod codec;
pub mod convert;
pub mod keys;

pub mod v1;
pub mod v2;
pub mod v3;
pub mod v4;

use serde::{Deserialize, Serialize};

use crate::model::StoreId;

/// The newest format of a store: the one that this version writes, and the last that it reads.
pub const NEWEST: u32 = 4;

/// The layout of the values that are not made by serde: blocks of records, and buckets of
/// fingerprints.
pub const PACKED: u8 = 1;

/// A type whose bytes are on disk somewhere.
pub trait Stored {
    /// The format of the store that brought this layout. Each value begins with it.
    const FORMAT: u8;
}

/// What the store says of itself, the first value that is read of it. Of all values this one
/// never changes: by it an older version knows a newer store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The format of the store.
    pub version: u32,
    /// Tells it from every other store.
    pub store: StoreId,
}

impl Stored for Format {
    const FORMAT: u8 = 1;
}

/// Says that types are of a format.
macro_rules! stored {
    ($format:literal: $($name:ident $(<$life:lifetime>)?),+ $(,)?) => {$(
        impl $(<$life>)? $crate::store::layout::Stored for $name $(<$life>)? {
            const FORMAT: u8 = $format;
        }
    )+};
}

pub(in crate::store) use stored;
