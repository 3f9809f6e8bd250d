//! A user of a tenant: a person or a bot.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Coded, GroupId, RoleId, Timestamp, UserId, UserStatus};

/// A user as the source shows it, with what is assigned directly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The source's immutable id: the user's identity.
    pub id: UserId,
    /// The identity provider's name for the user; stays when a user is re-created.
    pub subject: String,
    /// The name shown to people.
    pub name: Option<String>,
    /// The primary e-mail address.
    pub email: Option<String>,
    /// Whether the user can work in the tenant.
    pub status: Coded<UserStatus>,
    /// Whether this is a program's account rather than a person's.
    pub is_bot: bool,
    /// The OAuth client that a bot acts for.
    pub client_id: Option<String>,
    /// Roles assigned directly, with their names as last seen. None: not visible to us,
    /// which is not the same as none assigned.
    pub roles: Option<BTreeMap<RoleId, String>>,
    /// Groups the user is in, with their names as last seen. None: not visible to us.
    pub groups: Option<BTreeMap<GroupId, String>>,
    /// Scopes assigned directly. None: not visible to us.
    pub scopes: Option<BTreeSet<String>>,
    /// When the source created the user.
    pub created_at: Option<Timestamp>,
    /// When the source says it last changed. Not content: moving alone, it is no change.
    pub updated_at: Option<Timestamp>,
    /// When an invitation ends.
    pub invite_expires_at: Option<Timestamp>,
    /// Address of a picture.
    pub picture: Option<String>,
    /// Language, as the identity provider says.
    pub locale: Option<String>,
    /// Time zone, as the identity provider says.
    pub zone_info: Option<String>,
    /// Language, as the user chose.
    pub preferred_locale: Option<String>,
    /// Time zone, as the user chose.
    pub preferred_zone_info: Option<String>,
}
