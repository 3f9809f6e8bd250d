//! A record of any kind, and the fingerprint that represents it in an index.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Finding, Group, Id, Kind, Role, Timestamp, User};

/// A record of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A role.
    Role(Role),
    /// A group.
    Group(Group),
    /// A user.
    User(User),
}

impl Record {
    /// Returns the record's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Role(_) => Kind::Role,
            Self::Group(_) => Kind::Group,
            Self::User(_) => Kind::User,
        }
    }

    /// Returns the record's id.
    pub fn id(&self) -> &Id {
        match self {
            Self::Role(role) => &role.id.0,
            Self::Group(group) => &group.id.0,
            Self::User(user) => &user.id.0,
        }
    }

    /// Returns what people call it: its name, or its subject if it has no name.
    pub fn label(&self) -> &str {
        match self {
            Self::Role(role) => &role.name,
            Self::Group(group) => &group.name,
            Self::User(user) => user.label(),
        }
    }

    /// Returns kind and id.
    pub fn to_ref(&self) -> RecordRef {
        RecordRef {
            kind: self.kind(),
            id: self.id().clone(),
        }
    }

    /// Returns when the source says that it last changed.
    pub fn updated_at(&self) -> Option<Timestamp> {
        match self {
            Self::Role(role) => role.updated_at,
            Self::Group(group) => group.updated_at,
            Self::User(user) => user.updated_at,
        }
    }
}

/// Names one record of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: Id,
}

impl fmt::Display for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// A record as a sweep found it, along with the source's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The record, mapped.
    pub record: Record,
    /// The source's JSON text of it, as received, except that invalid Unicode is replaced.
    pub raw: Box<str>,
    /// Lists in which something could not be read: their known values stay.
    pub torn: BTreeSet<Assigned>,
    /// What was odd about it, though it could be read.
    pub findings: Vec<Finding>,
}

/// A list of what a record is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assigned {
    /// Roles.
    Roles,
    /// Groups.
    Groups,
}

/// A 128-bit hash of a record's content: equal content has an equal fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);
