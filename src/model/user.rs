//! A user of a tenant: a person or a bot.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Coded, GroupId, RoleId, Timestamp, UserId, UserStatus};

/// A user as the source shows it, with everything assigned directly.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The source's immutable id: the user's identity.
    pub id: UserId,
    /// The identity provider's name for the user. It stays the same if the user is re-created.
    pub subject: String,
    /// The name shown to people.
    pub name: Option<String>,
    /// The primary e-mail address.
    pub email: Option<String>,
    /// Whether the user may log in.
    pub status: Coded<UserStatus>,
    /// Whether this is a program's account rather than a person's.
    pub is_bot: bool,
    /// The OAuth client that a bot acts for.
    pub client_id: Option<String>,
    /// Roles assigned directly, with their last known names. `None` if they are not visible to us,
    /// which is not the same as having no roles.
    pub roles: Option<BTreeMap<RoleId, String>>,
    /// Groups the user is in, with their last known names. `None` if they are not visible to us.
    pub groups: Option<BTreeMap<GroupId, String>>,
    /// Scopes assigned directly. `None` if they are not visible to us.
    pub scopes: Option<BTreeSet<String>>,
    /// When the source created the user.
    pub created_at: Option<Timestamp>,
    /// When the source says it last changed. Not content: if only this moves, nothing changed.
    pub updated_at: Option<Timestamp>,
    /// When an invitation expires.
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

impl User {
    /// Returns what people call the user: the display name, or the subject if there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.subject)
    }

    /// Makes a user who may log in and of whom nothing else is known.
    pub fn new(id: UserId, subject: impl Into<String>) -> Self {
        Self {
            id,
            subject: subject.into(),
            name: None,
            email: None,
            status: Coded::new(UserStatus::Enabled, "active"),
            is_bot: false,
            client_id: None,
            roles: None,
            groups: None,
            scopes: None,
            created_at: None,
            updated_at: None,
            invite_expires_at: None,
            picture: None,
            locale: None,
            zone_info: None,
            preferred_locale: None,
            preferred_zone_info: None,
        }
    }
}

/// Shows the id but nothing else that identifies the person. Different texts show as different
/// marks, so that a failed assertion tells where two users differ.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            subject,
            name,
            email,
            status,
            is_bot,
            client_id,
            roles,
            groups,
            scopes,
            created_at,
            updated_at,
            invite_expires_at,
            picture,
            locale,
            zone_info,
            preferred_locale,
            preferred_zone_info,
        } = self;
        f.debug_struct("User")
            .field("id", id)
            .field("subject", &Veiled(subject))
            .field("name", &name.as_deref().map(Veiled))
            .field("email", &email.as_deref().map(Veiled))
            .field("status", status)
            .field("is_bot", is_bot)
            .field("client_id", client_id)
            .field("roles", roles)
            .field("groups", groups)
            .field("scopes", scopes)
            .field("created_at", created_at)
            .field("updated_at", updated_at)
            .field("invite_expires_at", invite_expires_at)
            .field("picture", &picture.as_deref().map(Veiled))
            .field("locale", locale)
            .field("zone_info", zone_info)
            .field("preferred_locale", preferred_locale)
            .field("preferred_zone_info", preferred_zone_info)
            .finish()
    }
}

/// A text that shows as a mark. The mark differs from process to process, so that nobody can guess
/// the text by trying names.
struct Veiled<'a>(&'a str);

impl fmt::Debug for Veiled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static MARKS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        write!(f, "[{:016x}]", MARKS.hash_one(self.0))
    }
}
