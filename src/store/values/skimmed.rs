//! An entry, read only as far as questions about earlier times need it.

use std::collections::BTreeSet;

use crate::model::{Entry, Origin, Seq, Timestamp, UserId, Verb, Version};

use super::posting::PostingList;

/// An entry, of which the records of users were not read in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skimmed {
    /// A user changed.
    User(UserEntry),
    /// Any other entry, in full.
    Other(Box<Entry>),
}

/// What an entry says about who holds what, if a user changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// Its position.
    pub seq: Seq,
    /// When it was found.
    pub at: Timestamp,
    /// The version that the user has after it.
    pub version: Version,
    /// The run that found it, and the tenant.
    pub origin: Origin,
    /// The user.
    pub user: UserId,
    /// What happened to the user.
    pub verb: Verb,
    /// The posting lists that have the user before it and not after it, if every group had one.
    pub left: BTreeSet<PostingList>,
    /// The posting lists that have the user after it and not before it.
    pub joined: BTreeSet<PostingList>,
}

impl Skimmed {
    /// Returns the entry's position.
    pub fn seq(&self) -> Seq {
        match self {
            Self::User(entry) => entry.seq,
            Self::Other(entry) => entry.seq,
        }
    }

    /// Returns when it was found.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::User(entry) => entry.at,
            Self::Other(entry) => entry.at,
        }
    }

    /// Returns the version that its record has after it.
    pub fn version(&self) -> Version {
        match self {
            Self::User(entry) => entry.version,
            Self::Other(entry) => entry.version(),
        }
    }

    /// Returns the run that found it, and the tenant; `None` if it happened in qlik-roster itself.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::User(entry) => Some(&entry.origin),
            Self::Other(entry) => entry.origin.as_ref(),
        }
    }
}
