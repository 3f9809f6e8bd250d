//! What can be changed in a directory.

use std::collections::BTreeSet;

use crate::model::{GroupId, RoleId, SpaceId, Timestamp, UserId};

use super::record::Status;

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub name: String,
    /// The identity provider's name for it. `None` if the tenant makes one up.
    pub subject: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// Its status.
    pub status: Status,
    /// Roles assigned directly.
    pub roles: Vec<RoleId>,
    /// Groups it is in.
    pub groups: Vec<GroupId>,
    /// The OAuth client of a bot.
    pub client_id: Option<String>,
    /// When its invitation ends.
    pub invite_expires_at: Option<Timestamp>,
}

impl NewUser {
    /// An active user with nothing but a name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            subject: None,
            email: None,
            status: Status::Active,
            roles: Vec::new(),
            groups: Vec::new(),
            client_id: None,
            invite_expires_at: None,
        }
    }
}

/// A change of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Gives a new name.
    Name(String),
    /// Gives a new address, or none.
    Email(Option<String>),
    /// Changes the identity provider's name for it.
    Subject(String),
    /// Sets the status.
    Status(Status),
    /// Assigns a role.
    AssignRole(RoleId),
    /// Takes a role away.
    UnassignRole(RoleId),
    /// Puts it in a group.
    JoinGroup(GroupId),
    /// Takes it out of a group.
    LeaveGroup(GroupId),
    /// Sets the scopes; `None` if answers lack the member.
    Scopes(Option<BTreeSet<String>>),
    /// Sets the language.
    Locale(Option<String>),
    /// Moves `lastUpdatedAt` and nothing else.
    Touch,
}

/// How a user logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogIn {
    /// In the browser, at the identity provider.
    Interactive,
    /// With a token, signed by the identity provider of a page that embeds Qlik.
    Jwt,
}

impl LogIn {
    /// Returns Qlik's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Jwt => "jwt-login-session",
        }
    }
}

/// A change of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleEdit {
    /// Gives a new name.
    Name(String),
    /// Says what it is for.
    Description(String),
    /// Sets the scopes.
    Scopes(BTreeSet<String>),
    /// Moves `lastUpdatedAt` and nothing else.
    Touch,
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEdit {
    /// Gives a new name.
    Name(String),
    /// Says what it is for.
    Description(Option<String>),
    /// `true` for active, `false` for disabled.
    Active(bool),
    /// Gives a role to every member.
    AssignRole(RoleId),
    /// Takes a role from every member.
    UnassignRole(RoleId),
    /// Moves `lastUpdatedAt` and nothing else.
    Touch,
}

/// The tenant refused the edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No such user.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// No such role.
    #[error("there is no role {0}")]
    NoRole(RoleId),
    /// Administrators cannot change Qlik's own roles, except the scopes of `UserDefault`.
    #[error("the role {0} is Qlik's own")]
    QliksRole(RoleId),
    /// No such group.
    #[error("there is no group {0}")]
    NoGroup(GroupId),
    /// The group of all users is always enabled.
    #[error("the group of all users cannot be switched off")]
    AlwaysEnabled,
    /// No such space.
    #[error("there is no space {0}")]
    NoSpace(SpaceId),
    /// No such app.
    #[error("there is no app {0}")]
    NoApp(String),
    /// The role cannot be assigned in a space of this sort, or cannot be given by a share.
    #[error("the role {0} cannot be given there")]
    NotAssignable(String),
    /// The space's owner has all roles in it, and is not assigned any.
    #[error("the owner of a space is not assigned to it")]
    IsOwner,
    /// Addresses are unique across all statuses.
    #[error("another user has that address")]
    EmailTaken,
}

impl EditError {
    /// Returns a stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoUser(_) => "demo.no-user",
            Self::NoRole(_) => "demo.no-role",
            Self::QliksRole(_) => "demo.qliks-role",
            Self::NoGroup(_) => "demo.no-group",
            Self::AlwaysEnabled => "demo.always-enabled",
            Self::NoSpace(_) => "demo.no-space",
            Self::NoApp(_) => "demo.no-app",
            Self::NotAssignable(_) => "demo.not-assignable",
            Self::IsOwner => "demo.is-owner",
            Self::EmailTaken => "demo.email-taken",
        }
    }
}
