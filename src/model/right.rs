//! The rights that users hold, the paths by which they hold them, and how both change.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{GroupId, RoleId, SpaceId, Timestamp, User, UserId, UserStatus};

/// One way in which a user holds a right. Qlik adds up all paths: a user loses a right only when
/// every path to it is removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "group")]
pub enum Path {
    /// The user has it without a group: the role is assigned to the user, or the app is shared with
    /// the user.
    Direct,
    /// The user is in a group that gives it.
    Group(GroupId),
    /// The system group of all users gives it. Nobody is listed as its member.
    Everyone(GroupId),
    /// It is the role that every user has by default. It cannot be assigned or taken away.
    UserDefault,
    /// The user owns the space.
    Owner,
}

impl Path {
    /// Returns whether every user has this path.
    pub fn is_everybodys(&self) -> bool {
        match self {
            Self::Everyone(_) | Self::UserDefault => true,
            Self::Direct | Self::Group(_) | Self::Owner => false,
        }
    }

    /// Returns the group that gives the right; `None` if no group does.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Group(group) | Self::Everyone(group) => Some(group),
            Self::Direct | Self::UserDefault | Self::Owner => None,
        }
    }

    /// Returns it in words, with the name of its group if it has one: `by the group Admins`.
    pub fn in_words(&self, group: &str) -> String {
        match self {
            Self::Direct => "directly".to_owned(),
            Self::Group(_) => format!("by the group {group}"),
            Self::Everyone(_) => format!("as all users do, by {group}"),
            Self::UserDefault => "as every user does by default".to_owned(),
            Self::Owner => "as the owner of the space".to_owned(),
        }
    }

    /// Returns the word for it in JSON: `group`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group(_) => "group",
            Self::Everyone(_) => "everyone",
            Self::UserDefault => "user_default",
            Self::Owner => "owner",
        }
    }
}

/// A path with the name of its group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShownPath {
    /// The path.
    pub path: Path,
    /// The name of the group that gives the right; `None` if no group does.
    pub group: Option<String>,
}

/// A role as answers and entries mention it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoleMention {
    /// The role.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// `admin` or `user`, as the source wrote it; `None` if it did not say.
    pub level: Option<String>,
    /// Whether the role itself is unknown, and only its holders' records mention it.
    pub is_unknown: bool,
}

impl RoleMention {
    /// Returns whether its holders are administrators, as far as the source said.
    pub fn is_admin(&self) -> bool {
        self.level.as_deref() == Some("admin")
    }
}

/// A space as answers and entries mention it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpaceMention {
    /// The space.
    pub id: SpaceId,
    /// Its name.
    pub name: String,
    /// `shared`, `managed` or `data`, as the source wrote it.
    pub sort: Option<String>,
}

/// The role of a space's owner, who also has all roles that can be assigned there.
pub const OWNER: &str = "owner";

/// Something that a user may hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// A role in the tenant.
    Role(RoleMention),
    /// A role in a space.
    SpaceRole {
        /// The space.
        space: SpaceMention,
        /// The role, as the source writes it; [`OWNER`] for the owner.
        role: String,
    },
    /// A single resource that is shared from a space, nearly always an app.
    App {
        /// The space.
        space: SpaceMention,
        /// The id of the resource; `None` if the source does not say.
        resource: Option<String>,
        /// What kind of resource that is, such as `app`; as written.
        sort: Option<String>,
        /// What the share allows, as the source writes it.
        role: String,
    },
}

impl Right {
    /// Returns the role in the tenant; `None` if it is a right in a space.
    pub fn role(&self) -> Option<&RoleMention> {
        match self {
            Self::Role(role) => Some(role),
            Self::SpaceRole { .. } | Self::App { .. } => None,
        }
    }

    /// Returns the space; `None` if it is a role in the tenant.
    pub fn space(&self) -> Option<&SpaceMention> {
        match self {
            Self::Role(_) => None,
            Self::SpaceRole { space, .. } | Self::App { space, .. } => Some(space),
        }
    }
}

/// What keeps a user from using any right. The user holds the rights all the same: they work once
/// the obstacle is gone.
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

/// How a user's access to a right changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessChange {
    /// The user holds it now.
    Granted,
    /// The user holds it no longer.
    Revoked,
    /// The user still holds it, but by other paths.
    PathChanged,
}

impl AccessChange {
    /// Returns the event type that receivers see.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Granted => "access.granted",
            Self::Revoked => "access.revoked",
            Self::PathChanged => "access.path_changed",
        }
    }
}

/// What happened to an account between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChange {
    /// It existed at both times.
    Stayed,
    /// It was created in between.
    Created,
    /// It was deleted in between.
    Deleted,
}

/// A change in who holds a right: users have come to hold it, hold it no longer, or hold it by
/// other paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightChange {
    /// The right.
    pub right: Right,
    /// How their access changed.
    pub change: AccessChange,
    /// Who holds it or has lost it.
    pub holders: RightHolders,
    /// Every path before the run; for all users, the paths that all of them had.
    pub before: Vec<ShownPath>,
    /// Every path after it.
    pub after: Vec<ShownPath>,
}

/// The users whose access to a right changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RightHolders {
    /// One user.
    One(Holder),
    /// Several users, listed beside the entry.
    Listed {
        /// The list.
        list: ListId,
        /// How many users it has.
        count: u64,
    },
    /// All users of the tenant.
    Everybody {
        /// How many there are.
        count: u64,
    },
}

impl RightHolders {
    /// Returns how many users it concerns.
    pub fn count(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Listed { count, .. } | Self::Everybody { count } => *count,
        }
    }
}

/// The number of a list of users, unique among the lists of a tenant that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListId(pub u64);

/// A user whose rights changed, as the user was after the run that found the change, or before that
/// run if the account is gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user.
    pub id: UserId,
    /// The identity provider's name for the user.
    pub subject: String,
    /// The display name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether it is a program's account.
    pub is_bot: bool,
    /// What keeps the user from using any right; `None` if nothing does.
    pub barrier: Option<Barrier>,
    /// What happened to the account in the same run.
    pub account: AccountChange,
}

impl Holder {
    /// Describes a user at a time.
    pub fn of(user: &User, account: AccountChange, at: Timestamp) -> Self {
        Self {
            id: user.id.clone(),
            subject: user.subject.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            is_bot: user.is_bot,
            barrier: Barrier::of(user, at),
            account,
        }
    }

    /// Returns what people call the user: the display name, or the subject if there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.subject)
    }
}

/// Shows nothing that names the person.
impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder")
            .field("id", &self.id)
            .field("barrier", &self.barrier)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Id};

    #[test]
    fn only_an_account_that_is_enabled_is_without_a_barrier() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let (before, now, after) = (
            at("2026-05-31T23:59:59.999Z"),
            at("2026-06-01T00:00:00Z"),
            at("2026-06-01T00:00:00.001Z"),
        );
        for (status, ends, expected) in [
            (UserStatus::Enabled, None, None),
            (UserStatus::Enabled, Some(before), None),
            (UserStatus::Disabled, None, Some(Barrier::Disabled)),
            (UserStatus::Disabled, Some(after), Some(Barrier::Disabled)),
            (UserStatus::Pending, None, Some(Barrier::Invited)),
            (UserStatus::Pending, Some(after), Some(Barrier::Invited)),
            (UserStatus::Pending, Some(now), Some(Barrier::Invited)),
            (
                UserStatus::Pending,
                Some(before),
                Some(Barrier::InvitationEnded),
            ),
            (
                UserStatus::UnmappedValue,
                None,
                Some(Barrier::UnknownStatus),
            ),
            (
                UserStatus::UnmappedValue,
                Some(after),
                Some(Barrier::UnknownStatus),
            ),
        ] {
            let user = User {
                status: Coded::new(status, "as written"),
                invite_expires_at: ends,
                ..User::new(UserId(Id::parse("a-user").unwrap()), "idp|1")
            };

            assert_eq!(Barrier::of(&user, now), expected, "{status:?}, {ends:?}");
        }
    }
}
