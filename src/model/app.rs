//! Where an app is, as its source says.

use serde::{Deserialize, Serialize};

use super::id::{SpaceId, UserId};

/// Where an app is, as its source says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppPlace {
    /// In this space.
    Space(SpaceId),
    /// In the personal space of this user; `None` if the source does not say of whom.
    Personal(Option<UserId>),
    /// The source shows no such app: there is none, or the credentials do not see it.
    NotShown,
    /// The answer of the source cannot be understood.
    Unreadable,
}
