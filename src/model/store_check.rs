//! What a check of the whole store found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a check of the whole store found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCheck {
    /// The store's format.
    pub format: u32,
    /// The newest format, to which an older store is migrated when it is next opened.
    pub newest_format: u32,
    /// Rows that were checked.
    pub rows: u64,
    /// Records among them.
    pub records: u64,
    /// Entries of the journal among them.
    pub entries: u64,
    /// The faults found, at most a thousand.
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub more_faults: u64,
}

impl StoreCheck {
    /// Returns whether no fault was found.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Something in the store that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// Where it is.
    pub place: String,
    /// What is wrong there. It never contains data about people.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
