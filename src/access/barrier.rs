//! Whether a user can use the rights that the user holds.

use serde::{Deserialize, Serialize};

use crate::model::{Timestamp, User, UserStatus};

/// What keeps a user from using any right. The rights are held all the same: when the obstacle goes,
/// they work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Barrier {
    /// The account is disabled.
    Disabled,
    /// The user was invited or provisioned, and has not logged in yet.
    Invited,
    /// The invitation ended without being accepted.
    InvitationEnded,
    /// The account has a status that we do not know.
    UnknownStatus,
}

impl Barrier {
    /// Returns what keeps a user from using rights at a time; `None` if nothing does.
    pub fn of(user: &User, now: Timestamp) -> Option<Self> {
        match user.status.value {
            UserStatus::Enabled => None,
            UserStatus::Disabled => Some(Self::Disabled),
            UserStatus::Pending => match user.invite_expires_at {
                Some(ends) if ends < now => Some(Self::InvitationEnded),
                Some(_) | None => Some(Self::Invited),
            },
            UserStatus::UnmappedValue => Some(Self::UnknownStatus),
        }
    }

    /// Returns the word for it: `disabled`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Invited => "invited",
            Self::InvitationEnded => "invitation ended",
            Self::UnknownStatus => "unknown status",
        }
    }
}
