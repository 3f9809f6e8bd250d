//! What may be unknown about where an app is.

use serde::{Deserialize, Serialize};

use crate::model::SpaceId;

/// Why it is not known in which space an app is, or who owns it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppLack {
    /// No share names its space, and the source was not asked: only a daemon asks.
    NotAsked,
    /// The source only says where an app is now, and the answer describes an earlier time.
    Earlier,
    /// The tenant is paused, so the source was not asked.
    Paused,
    /// The credentials are not allowed to ask.
    Refused,
    /// The source did not answer in time, or not as documented.
    NoAnswer,
    /// The source shows no such app: there is none, or the credentials do not see it.
    NotShown,
    /// The answer of the source cannot be understood.
    Unreadable,
    /// The source names this space, of which nothing else is known.
    UnknownSpace(SpaceId),
    /// The app is in a personal space, and the source does not say whose it is.
    NoOwner,
}

impl AppLack {
    /// Returns the word for it in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Earlier => "earlier",
            Self::Paused => "paused",
            Self::Refused => "refused",
            Self::NoAnswer => "no_answer",
            Self::NotShown => "not_shown",
            Self::Unreadable => "unreadable",
            Self::UnknownSpace(_) => "unknown_space",
            Self::NoOwner => "no_owner",
        }
    }

    /// Returns the space that the source names, if nothing else is known of it.
    pub fn space(&self) -> Option<&SpaceId> {
        match self {
            Self::UnknownSpace(space) => Some(space),
            Self::NotAsked
            | Self::Earlier
            | Self::Paused
            | Self::Refused
            | Self::NoAnswer
            | Self::NotShown
            | Self::Unreadable
            | Self::NoOwner => None,
        }
    }

    /// Says what is not known, and what to do.
    pub fn in_words(&self) -> String {
        let why = match self {
            Self::NotAsked => {
                "no share names the space of the app, and only a running daemon that reads spaces \
                 asks Qlik for it"
            }
            Self::Earlier => {
                "no share named the space of the app then, and Qlik only says where an app is now"
            }
            Self::Paused => {
                "no share names the space of the app, and Qlik is not asked while the tenant is \
                 paused"
            }
            Self::Refused => {
                "no share names the space of the app, and Qlik does not allow the credentials to \
                 ask for it"
            }
            Self::NoAnswer => {
                "no share names the space of the app, and Qlik did not say where it is; the \
                 daemon's log says why"
            }
            Self::NotShown => {
                "Qlik shows no such app: there is none of this id, or the credentials do not see it"
            }
            Self::Unreadable => "Qlik's answer about where the app is cannot be understood",
            Self::NoOwner => "the app is in a personal space, and Qlik does not say whose",
            Self::UnknownSpace(space) => {
                return format!(
                    "the app is in the space {space}, which was not read; spaces that are new are \
                     read when the audit log names them, or with all others"
                );
            }
        };
        why.to_owned()
    }
}
