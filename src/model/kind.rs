//! The kinds of records.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds of records that we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Roles.
    Role,
    /// Groups.
    Group,
    /// Users.
    User,
}

impl Kind {
    /// All kinds, in the order in which a sweep reads them: a record comes after those it refers
    /// to.
    pub const ALL: [Self; 3] = [Self::Role, Self::Group, Self::User];

    /// Returns the word for one: `user`.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Group => "group",
            Self::User => "user",
        }
    }

    /// Returns the word for many: `users`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::Group => "groups",
            Self::User => "users",
        }
    }

    /// Returns the event type of a snapshot of a record.
    pub fn snapshot_type(self) -> &'static str {
        match self {
            Self::Role => "role.snapshot",
            Self::Group => "group.snapshot",
            Self::User => "user.snapshot",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.singular())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| text == kind.singular() || text == kind.plural())
            .ok_or_else(|| {
                format!("`{text}` is not a kind of record: role, group or user is expected")
            })
    }
}
