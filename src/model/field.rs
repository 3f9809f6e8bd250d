//! The fields of records: the one list of their names, and the value a record has in each.
//!
//! All code that goes through the fields of a record uses this list: what changed, what an endpoint
//! may see, what a format calls them, how much memory they take. A new field of a record does not
//! compile until [`Record::fields`] lists it, and its new [`Field`] does not compile until each
//! `match` decides about it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Coded, Group, GroupId, GroupType, Kind, Record, Role, RoleId, RoleType, Timestamp, User,
    UserStatus,
};

macro_rules! fields {
    ($($field:ident = $kind:ident $name:literal $section:ident;)+) => {
        /// A field of a record: of its content or its times, but not its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the fields are the records' own; docs/mapping.md explains each")]
        pub enum Field {
            $($field,)+
        }

        impl Field {
            /// All fields, kind by kind, in the order in which people see them.
            pub const ALL: &[Self] = &[$(Self::$field,)+];

            /// Returns the kind of record that has the field.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$field => Kind::$kind,)+
                }
            }

            /// Returns its name in the unified schema, which `changes` uses as well.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)+
                }
            }

            /// Returns where the field is in the unified schema.
            pub const fn section(self) -> Section {
                match self {
                    $(Self::$field => Section::$section,)+
                }
            }
        }
    };
}

fields! {
    UserSubject = User "username" Record;
    UserName = User "name" Record;
    UserEmail = User "primary_email_address" Record;
    UserStatus = User "status" Record;
    UserIsBot = User "is_bot_user" Record;
    UserClient = User "client_id" Custom;
    UserRoles = User "roles" Record;
    UserGroups = User "groups" Record;
    UserScopes = User "assigned_scopes" Custom;
    UserCreated = User "created_at" Record;
    UserUpdated = User "updated_at" Record;
    UserInviteExpires = User "invite_expires_at" Custom;
    UserPicture = User "avatar" Record;
    UserLocale = User "locale" Custom;
    UserZone = User "zone_info" Custom;
    UserPreferredLocale = User "preferred_locale" Custom;
    UserPreferredZone = User "preferred_zone_info" Custom;
    GroupName = Group "name" Record;
    GroupDescription = Group "description" Record;
    GroupType = Group "type" Record;
    GroupStatus = Group "status" Custom;
    GroupIdp = Group "idp_id" Custom;
    GroupRoles = Group "roles" Record;
    GroupCreated = Group "created_at" Record;
    GroupUpdated = Group "updated_at" Record;
    RoleName = Role "name" Record;
    RoleDescription = Role "description" Record;
    RoleType = Role "type" Record;
    RoleOrigin = Role "origin" Custom;
    RoleLevel = Role "level" Custom;
    RolePermissions = Role "permissions" Policy;
    RoleScopes = Role "assigned_scopes" Policy;
    RoleCreated = Role "created_at" Record;
    RoleUpdated = Role "updated_at" Record;
}

/// Where a field is in the unified schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// In the record itself, under its name.
    Record,
    /// In `unified_custom_fields`, under its name.
    Custom,
    /// As one of the `policies`, under its name.
    Policy,
}

/// The value that a record has in a field.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue<'a> {
    /// A text; `None` if it has none.
    Text(Option<&'a str>),
    /// Yes or no.
    Flag(bool),
    /// A time; `None` if it is not known.
    Time(Option<Timestamp>),
    /// Whether a user can log in.
    UserStatus(&'a Coded<UserStatus>),
    /// What a group stands for.
    GroupType(&'a Coded<GroupType>),
    /// The kind of access a role gives.
    RoleType(&'a Coded<RoleType>),
    /// Roles, with their last known names; `None` if they are not visible.
    Roles(Option<&'a BTreeMap<RoleId, String>>),
    /// Groups, with their last known names; `None` if they are not visible.
    Groups(Option<&'a BTreeMap<GroupId, String>>),
    /// A set of words; `None` if it is not visible.
    Words(Option<&'a BTreeSet<String>>),
}

impl Field {
    /// Returns the fields of a kind.
    pub fn of(kind: Kind) -> impl Iterator<Item = Self> {
        let all = Self::ALL.iter().copied();
        all.filter(move |field| field.kind() == kind)
    }
}

impl Record {
    /// Returns each field with its value, in the order of [`Field::ALL`].
    pub fn fields(&self) -> Vec<(Field, FieldValue<'_>)> {
        match self {
            Self::User(user) => user.fields(),
            Self::Group(group) => group.fields(),
            Self::Role(role) => role.fields(),
        }
    }
}

// The patterns name every field, so that a new one does not compile until it is listed here.

impl User {
    fn fields(&self) -> Vec<(Field, FieldValue<'_>)> {
        let Self {
            id: _,
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
        vec![
            (Field::UserSubject, FieldValue::Text(Some(subject))),
            (Field::UserName, FieldValue::Text(name.as_deref())),
            (Field::UserEmail, FieldValue::Text(email.as_deref())),
            (Field::UserStatus, FieldValue::UserStatus(status)),
            (Field::UserIsBot, FieldValue::Flag(*is_bot)),
            (Field::UserClient, FieldValue::Text(client_id.as_deref())),
            (Field::UserRoles, FieldValue::Roles(roles.as_ref())),
            (Field::UserGroups, FieldValue::Groups(groups.as_ref())),
            (Field::UserScopes, FieldValue::Words(scopes.as_ref())),
            (Field::UserCreated, FieldValue::Time(*created_at)),
            (Field::UserUpdated, FieldValue::Time(*updated_at)),
            (
                Field::UserInviteExpires,
                FieldValue::Time(*invite_expires_at),
            ),
            (Field::UserPicture, FieldValue::Text(picture.as_deref())),
            (Field::UserLocale, FieldValue::Text(locale.as_deref())),
            (Field::UserZone, FieldValue::Text(zone_info.as_deref())),
            (
                Field::UserPreferredLocale,
                FieldValue::Text(preferred_locale.as_deref()),
            ),
            (
                Field::UserPreferredZone,
                FieldValue::Text(preferred_zone_info.as_deref()),
            ),
        ]
    }
}

impl Group {
    fn fields(&self) -> Vec<(Field, FieldValue<'_>)> {
        let Self {
            id: _,
            name,
            description,
            group_type,
            status,
            idp_id,
            roles,
            created_at,
            updated_at,
        } = self;
        let description = description.as_deref();
        vec![
            (Field::GroupName, FieldValue::Text(Some(name))),
            (Field::GroupDescription, FieldValue::Text(description)),
            (Field::GroupType, FieldValue::GroupType(group_type)),
            (Field::GroupStatus, FieldValue::Text(status.as_deref())),
            (Field::GroupIdp, FieldValue::Text(idp_id.as_deref())),
            (Field::GroupRoles, FieldValue::Roles(roles.as_ref())),
            (Field::GroupCreated, FieldValue::Time(*created_at)),
            (Field::GroupUpdated, FieldValue::Time(*updated_at)),
        ]
    }
}

impl Role {
    fn fields(&self) -> Vec<(Field, FieldValue<'_>)> {
        let Self {
            id: _,
            name,
            description,
            role_type,
            origin,
            level,
            permissions,
            scopes,
            created_at,
            updated_at,
        } = self;
        let description = description.as_deref();
        let permissions = permissions.as_ref();
        vec![
            (Field::RoleName, FieldValue::Text(Some(name))),
            (Field::RoleDescription, FieldValue::Text(description)),
            (Field::RoleType, FieldValue::RoleType(role_type)),
            (Field::RoleOrigin, FieldValue::Text(origin.as_deref())),
            (Field::RoleLevel, FieldValue::Text(level.as_deref())),
            (Field::RolePermissions, FieldValue::Words(permissions)),
            (Field::RoleScopes, FieldValue::Words(scopes.as_ref())),
            (Field::RoleCreated, FieldValue::Time(*created_at)),
            (Field::RoleUpdated, FieldValue::Time(*updated_at)),
        ]
    }
}
