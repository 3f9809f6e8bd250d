//! A user in the unified schema.

use std::collections::BTreeSet;

use serde::Serialize;

use super::id::composed;
use super::{IamGroup, IamRole, UnifiedId};
use crate::model::{Coded, GroupId, Kind, RoleId, Timestamp, User, UserId, UserStatus};

/// StackOne's `IamUser`, with its roles and groups in the form of `R` and `G`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamUser<'a, R = IamRole<'a>, G = IamGroup<'a>> {
    pub id: Option<UnifiedId<'a>>,
    pub remote_id: Option<&'a UserId>,
    pub unified_custom_fields: Option<UserFields<'a>>,
    pub primary_email_address: Option<&'a str>,
    pub first_name: Option<&'a str>,
    pub last_name: Option<&'a str>,
    pub name: Option<&'a str>,
    pub username: Option<&'a str>,
    pub is_bot_user: Option<bool>,
    pub roles: Option<Vec<R>>,
    pub groups: Option<Vec<G>>,
    pub status: Option<&'a Coded<UserStatus>>,
    pub last_active_at: Option<Timestamp>,
    pub last_login_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub multi_factor_enabled: Option<Vec<()>>,
    pub avatar: Option<File<'a>>,
}

/// What Qlik says about a user that StackOne has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Qlik's; docs/mapping.md explains each"
)]
pub struct UserFields<'a> {
    pub assigned_scopes: Option<&'a BTreeSet<String>>,
    pub client_id: Option<&'a str>,
    pub invite_expires_at: Option<Timestamp>,
    pub locale: Option<&'a str>,
    pub preferred_locale: Option<&'a str>,
    pub preferred_zone_info: Option<&'a str>,
    pub zone_info: Option<&'a str>,
}

/// StackOne's `File`: an avatar that is stored elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct File<'a> {
    pub id: Option<String>,
    pub remote_id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub category: Option<()>,
    pub contents: Option<Vec<()>>,
    pub category_id: Option<&'a str>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub remote_url: Option<&'a str>,
    pub file_format: Option<()>,
}

impl<'a> IamUser<'a> {
    /// Returns the user with everything assigned directly.
    pub fn of(user: &'a User) -> Self {
        Self::with(user, IamRole::reference, IamGroup::reference)
    }
}

impl<'a, R, G> IamUser<'a, R, G> {
    /// Returns the user with everything assigned directly. `role` and `group` return what is shown
    /// of a role or group that the user mentions by this id and name.
    pub fn with(
        user: &'a User,
        role: impl Fn(&'a RoleId, &'a str) -> R,
        group: impl Fn(&'a GroupId, &'a str) -> G,
    ) -> Self {
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
            id: Some(UnifiedId::of(Kind::User, &id.0)),
            remote_id: Some(id),
            unified_custom_fields: Some(UserFields {
                assigned_scopes: scopes.as_ref(),
                client_id: client_id.as_deref(),
                invite_expires_at: *invite_expires_at,
                locale: locale.as_deref(),
                preferred_locale: preferred_locale.as_deref(),
                preferred_zone_info: preferred_zone_info.as_deref(),
                zone_info: zone_info.as_deref(),
            }),
            primary_email_address: email.as_deref(),
            first_name: None,
            last_name: None,
            name: name.as_deref(),
            username: Some(subject),
            is_bot_user: Some(*is_bot),
            roles: roles
                .as_ref()
                .map(|roles| roles.iter().map(|(id, name)| role(id, name)).collect()),
            groups: groups
                .as_ref()
                .map(|groups| groups.iter().map(|(id, name)| group(id, name)).collect()),
            status: Some(status),
            last_active_at: None,
            last_login_at: None,
            created_at: *created_at,
            updated_at: *updated_at,
            multi_factor_enabled: None,
            avatar: picture.as_deref().map(|url| File::at(id, url)),
        }
    }
}

impl<'a> File<'a> {
    fn at(owner: &UserId, url: &'a str) -> Self {
        Self {
            id: Some(composed(&format!("avatar_id:{owner}"))),
            remote_id: None,
            name: None,
            category: None,
            contents: None,
            category_id: None,
            created_at: None,
            updated_at: None,
            remote_url: Some(url),
            file_format: None,
        }
    }
}
