//! What may be unknown about licences.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why it is not known to whom licences are assigned, or which of them are orphan licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceLack {
    /// The assignments were not read in full.
    NotRead,
    /// The source refuses to show them.
    Refused,
    /// Some of them could not be read.
    Unreadable,
    /// The source no longer shows some of them. They stay, because the guard does not allow so many
    /// removals.
    Held,
    /// The tenant does not say which licence it has: it may be this one.
    NoNumber,
    /// The users of the tenant were not read in full.
    Users,
    /// Some users of the tenant could not be read.
    UnreadableUsers,
    /// There are more users than one answer searches.
    TooManyUsers,
}

impl fmt::Display for LicenceLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRead => {
                "to whom its licence is assigned was not read in full; `[access] licences = \
                 true` has the daemon read it"
            }
            Self::Refused => {
                "Qlik refuses to show to whom its licence is assigned; `qlik-roster check` says \
                 what to do"
            }
            Self::Unreadable => "some assignments of its licence could not be read",
            Self::Held => {
                "Qlik no longer shows many assignments of its licence; the guard keeps them, and \
                 they are listed as they were known"
            }
            Self::NoNumber => {
                "it is not known which licence it has, so it may share this one; `licences = true` \
                 has the daemon ask"
            }
            Self::Users => "its users were not read in full; `qlik-roster runs` says why",
            Self::UnreadableUsers => "some of its users could not be read",
            Self::TooManyUsers => "it has more users than are searched for subjects",
        })
    }
}
