//! Users, roles and groups.

use std::borrow::Cow;

use crate::model::{
    Coded, Group, GroupType, Kind, Record, RecordRef, Role, RoleType, User, UserStatus,
};
use crate::store::layout::v1;

use super::{owned, same_words, text};

same_words! {
    Kind = v1::Kind { Role, Group, User }
    UserStatus = v1::UserStatus { Enabled, Disabled, Pending, UnmappedValue }
    RoleType = v1::RoleType {
        Admin, Viewer, Editor, Basic, Guest, Unassigned, Restricted, UnmappedValue,
    }
    GroupType = v1::GroupType {
        Workspace, Team, Department, Group, Organization, UnmappedValue, CostCenter,
    }
}

impl From<&RecordRef> for v1::RecordRef {
    fn from(RecordRef { kind, id }: &RecordRef) -> Self {
        Self {
            kind: (*kind).into(),
            id: id.clone(),
        }
    }
}

impl From<v1::RecordRef> for RecordRef {
    fn from(v1::RecordRef { kind, id }: v1::RecordRef) -> Self {
        let kind = kind.into();
        Self { kind, id }
    }
}

impl<'a, E: Copy + Into<S>, S> From<&'a Coded<E>> for v1::Coded<'a, S> {
    fn from(
        Coded {
            value,
            source_value,
        }: &'a Coded<E>,
    ) -> Self {
        Self {
            value: (*value).into(),
            source_value: text(source_value.as_ref()),
        }
    }
}

impl<E, S: Into<E>> From<v1::Coded<'_, S>> for Coded<E> {
    fn from(
        v1::Coded {
            value,
            source_value,
        }: v1::Coded<'_, S>,
    ) -> Self {
        Self {
            value: value.into(),
            source_value: owned(source_value),
        }
    }
}

impl<'a> From<&'a Record> for v1::Record<'a> {
    fn from(record: &'a Record) -> Self {
        match record {
            Record::Role(role) => Self::Role(role.into()),
            Record::Group(group) => Self::Group(group.into()),
            Record::User(user) => Self::User(user.into()),
        }
    }
}

impl From<v1::Record<'_>> for Record {
    fn from(record: v1::Record<'_>) -> Self {
        match record {
            v1::Record::Role(role) => Self::Role(role.into()),
            v1::Record::Group(group) => Self::Group(group.into()),
            v1::Record::User(user) => Self::User(user.into()),
        }
    }
}

impl<'a> From<&'a User> for v1::User<'a> {
    fn from(user: &'a User) -> Self {
        let User {
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
        } = user;
        Self {
            id: id.clone(),
            subject: Cow::Borrowed(subject),
            name: text(name.as_ref()),
            email: text(email.as_ref()),
            status: status.into(),
            is_bot: *is_bot,
            client_id: text(client_id.as_ref()),
            roles: roles.as_ref().map(Cow::Borrowed),
            groups: groups.as_ref().map(Cow::Borrowed),
            scopes: scopes.as_ref().map(Cow::Borrowed),
            created_at: *created_at,
            updated_at: *updated_at,
            invite_expires_at: *invite_expires_at,
            picture: text(picture.as_ref()),
            locale: text(locale.as_ref()),
            zone_info: text(zone_info.as_ref()),
            preferred_locale: text(preferred_locale.as_ref()),
            preferred_zone_info: text(preferred_zone_info.as_ref()),
        }
    }
}

impl From<v1::User<'_>> for User {
    fn from(user: v1::User<'_>) -> Self {
        let v1::User {
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
        } = user;
        Self {
            id,
            subject: subject.into_owned(),
            name: owned(name),
            email: owned(email),
            status: status.into(),
            is_bot,
            client_id: owned(client_id),
            roles: owned(roles),
            groups: owned(groups),
            scopes: owned(scopes),
            created_at,
            updated_at,
            invite_expires_at,
            picture: owned(picture),
            locale: owned(locale),
            zone_info: owned(zone_info),
            preferred_locale: owned(preferred_locale),
            preferred_zone_info: owned(preferred_zone_info),
        }
    }
}

impl<'a> From<&'a Role> for v1::Role<'a> {
    fn from(role: &'a Role) -> Self {
        let Role {
            id,
            name,
            description,
            role_type,
            origin,
            level,
            permissions,
            scopes,
            created_at,
            updated_at,
        } = role;
        Self {
            id: id.clone(),
            name: Cow::Borrowed(name),
            description: text(description.as_ref()),
            role_type: role_type.into(),
            origin: text(origin.as_ref()),
            level: text(level.as_ref()),
            permissions: permissions.as_ref().map(Cow::Borrowed),
            scopes: scopes.as_ref().map(Cow::Borrowed),
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

impl From<v1::Role<'_>> for Role {
    fn from(role: v1::Role<'_>) -> Self {
        let v1::Role {
            id,
            name,
            description,
            role_type,
            origin,
            level,
            permissions,
            scopes,
            created_at,
            updated_at,
        } = role;
        Self {
            id,
            name: name.into_owned(),
            description: owned(description),
            role_type: role_type.into(),
            origin: owned(origin),
            level: owned(level),
            permissions: owned(permissions),
            scopes: owned(scopes),
            created_at,
            updated_at,
        }
    }
}

impl<'a> From<&'a Group> for v1::Group<'a> {
    fn from(group: &'a Group) -> Self {
        let Group {
            id,
            name,
            description,
            group_type,
            status,
            idp_id,
            roles,
            created_at,
            updated_at,
        } = group;
        Self {
            id: id.clone(),
            name: Cow::Borrowed(name),
            description: text(description.as_ref()),
            group_type: group_type.into(),
            status: text(status.as_ref()),
            idp_id: text(idp_id.as_ref()),
            roles: roles.as_ref().map(Cow::Borrowed),
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

impl From<v1::Group<'_>> for Group {
    fn from(group: v1::Group<'_>) -> Self {
        let v1::Group {
            id,
            name,
            description,
            group_type,
            status,
            idp_id,
            roles,
            created_at,
            updated_at,
        } = group;
        Self {
            id,
            name: name.into_owned(),
            description: owned(description),
            group_type: group_type.into(),
            status: owned(status),
            idp_id: owned(idp_id),
            roles: owned(roles),
            created_at,
            updated_at,
        }
    }
}
