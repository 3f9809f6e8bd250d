//! The tenant's records, as compact as a million of them need.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{GroupId, Id, RoleId, Timestamp, UserId};

/// A user's status in Qlik's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Works.
    Active,
    /// Was invited by mail.
    Invited,
    /// May not log in.
    Disabled,
    /// It was deleted, but its record is still shown.
    Deleted,
    /// Made by SCIM, has not logged in yet.
    Provisioned,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Invited,
        Self::Disabled,
        Self::Deleted,
        Self::Provisioned,
    ];

    /// Returns Qlik's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Provisioned => "provisioned",
        }
    }

    /// Returns the bit that stands for it in a set.
    pub(super) fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// A user as it is in the tenant, for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The identity provider's name for it.
    pub subject: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub email: Option<String>,
    /// Its status.
    pub status: Status,
    /// Roles assigned directly.
    pub roles: BTreeMap<RoleId, String>,
    /// Groups it is in, never Everyone.
    pub groups: BTreeMap<GroupId, String>,
    /// Scopes assigned directly; `None` if the answer does not have the member.
    pub scopes: Option<BTreeSet<String>>,
    /// The OAuth client of a bot.
    pub client_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it says it last changed.
    pub updated_at: Timestamp,
    /// When its invitation ends.
    pub invite_expires_at: Option<Timestamp>,
    /// Language.
    pub locale: Option<String>,
    /// Time zone.
    pub zone_info: Option<String>,
    /// Address of a picture.
    pub picture: Option<String>,
}

/// A role as it is in the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `default` or `custom`.
    pub origin: &'static str,
    /// `admin` or `user`.
    pub level: &'static str,
    /// Its permissions; `None` if the answer does not have the member.
    pub permissions: Option<BTreeSet<String>>,
    /// Scopes it assigns; `None` if the answer does not have the member.
    pub scopes: Option<BTreeSet<String>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it says it last changed.
    pub updated_at: Timestamp,
}

/// A group as it is in the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; not unique across providers.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `idp`, `custom`, or `system` for Everyone.
    pub provider: &'static str,
    /// `active` or `disabled`.
    pub status: &'static str,
    /// Its id at the identity provider.
    pub idp_id: Option<String>,
    /// Roles that every member holds.
    pub roles: BTreeMap<RoleId, String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it says it last changed.
    pub updated_at: Timestamp,
}

/// The place of a role or group in the tenant's list of fragments. Never reused.
pub type Slot = u32;

/// A user's row. Roles and groups are slots, so that a renamed group needs no other write.
#[derive(Debug, Clone)]
pub struct UserRow {
    pub id: Id,
    pub subject: Box<str>,
    pub name: Box<str>,
    pub email: Option<Box<str>>,
    pub status: Status,
    pub roles: Box<[Slot]>,
    pub groups: Box<[Slot]>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub rare: Option<Box<Rare>>,
}

/// The fields that few users have.
#[derive(Debug, Clone, Default)]
pub struct Rare {
    pub client_id: Option<String>,
    pub invite_expires: Option<Timestamp>,
    pub scopes: Option<BTreeSet<String>>,
    pub locale: Option<String>,
    pub zone_info: Option<String>,
    pub picture: Option<String>,
}

impl UserRow {
    pub fn client_id(&self) -> Option<&str> {
        self.rare.as_ref()?.client_id.as_deref()
    }

    pub fn invite_expires(&self) -> Option<Timestamp> {
        self.rare.as_ref()?.invite_expires
    }

    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// A role's row.
#[derive(Debug, Clone)]
pub struct RoleRow {
    pub role: Role,
    pub slot: Slot,
}

/// A group's row; its roles are slots, the names in `group.roles` are not kept.
#[derive(Debug, Clone)]
pub struct GroupRow {
    pub group: Group,
    pub roles: Box<[Slot]>,
    pub slot: Slot,
}

/// What a listing can be sorted or filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Id,
    TenantId,
    Name,
    Subject,
    Email,
    Status,
    ClientId,
    InviteExpiry,
    CreatedAt,
    UpdatedAt,
    Type,
    Level,
    Provider,
    RoleId,
    RoleName,
    GroupId,
    GroupRoleName,
    Scope,
}

/// What a record is sorted by. Null comes first, as in `MongoDB`; text by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Number(i64),
    Text(Box<str>),
}

impl Value {
    fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    fn option(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }
}

/// A record that a table can hold.
pub trait Row {
    fn id(&self) -> &Id;

    /// Returns the value that the record is sorted by; null for a field that its kind lacks.
    fn value(&self, field: Field) -> Value;
}

impl Row for UserRow {
    fn id(&self) -> &Id {
        &self.id
    }

    fn value(&self, field: Field) -> Value {
        match field {
            Field::Name => Value::text(&self.name),
            Field::Subject => Value::text(&self.subject),
            Field::Email => Value::option(self.email.as_deref()),
            Field::Status => Value::text(self.status.as_str()),
            Field::ClientId => Value::option(self.client_id()),
            Field::InviteExpiry => self
                .invite_expires()
                .map_or(Value::Null, |at| Value::Number(at.millis())),
            Field::CreatedAt => Value::Number(self.created.millis()),
            Field::UpdatedAt => Value::Number(self.updated.millis()),
            _ => Value::Null,
        }
    }
}

impl Row for RoleRow {
    fn id(&self) -> &Id {
        &self.role.id.0
    }

    fn value(&self, field: Field) -> Value {
        match field {
            Field::Name => Value::text(&self.role.name),
            Field::Type => Value::text(self.role.origin),
            Field::Level => Value::text(self.role.level),
            Field::CreatedAt => Value::Number(self.role.created_at.millis()),
            Field::UpdatedAt => Value::Number(self.role.updated_at.millis()),
            _ => Value::Null,
        }
    }
}

impl Row for GroupRow {
    fn id(&self) -> &Id {
        &self.group.id.0
    }

    fn value(&self, field: Field) -> Value {
        match field {
            Field::Name => Value::text(&self.group.name),
            Field::Status => Value::text(self.group.status),
            Field::Provider => Value::text(self.group.provider),
            Field::CreatedAt => Value::Number(self.group.created_at.millis()),
            Field::UpdatedAt => Value::Number(self.group.updated_at.millis()),
            _ => Value::Null,
        }
    }
}
