//! A user in the unified schema.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{IamGroup, IamRole, composed, unified_id};
use crate::model::{Coded, Kind, Timestamp, User, UserStatus};

/// StackOne's `IamUser`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamUser {
    pub id: Option<String>,
    pub remote_id: Option<String>,
    pub unified_custom_fields: Option<UserFields>,
    pub primary_email_address: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub name: Option<String>,
    pub username: Option<String>,
    pub is_bot_user: Option<bool>,
    pub roles: Option<Vec<IamRole>>,
    pub groups: Option<Vec<IamGroup>>,
    pub status: Option<Coded<UserStatus>>,
    pub last_active_at: Option<Timestamp>,
    pub last_login_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub multi_factor_enabled: Option<Vec<()>>,
    pub avatar: Option<File>,
}

/// What Qlik says of a user that StackOne has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Qlik's; docs/mapping.md explains each"
)]
pub struct UserFields {
    pub assigned_scopes: Option<BTreeSet<String>>,
    pub client_id: Option<String>,
    pub invite_expires_at: Option<Timestamp>,
    pub locale: Option<String>,
    pub preferred_locale: Option<String>,
    pub preferred_zone_info: Option<String>,
    pub zone_info: Option<String>,
}

/// StackOne's `File`: an avatar that lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct File {
    pub id: Option<String>,
    pub remote_id: Option<String>,
    pub name: Option<String>,
    pub category: Option<()>,
    pub contents: Option<Vec<()>>,
    pub category_id: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub remote_url: Option<String>,
    pub file_format: Option<()>,
}

impl IamUser {
    /// Returns the user with what is assigned directly.
    pub fn of(user: &User) -> Self {
        Self {
            id: Some(unified_id(Kind::User, &user.id.0)),
            remote_id: Some(user.id.to_string()),
            unified_custom_fields: Some(UserFields {
                assigned_scopes: user.scopes.clone(),
                client_id: user.client_id.clone(),
                invite_expires_at: user.invite_expires_at,
                locale: user.locale.clone(),
                preferred_locale: user.preferred_locale.clone(),
                preferred_zone_info: user.preferred_zone_info.clone(),
                zone_info: user.zone_info.clone(),
            }),
            primary_email_address: user.email.clone(),
            first_name: None,
            last_name: None,
            name: user.name.clone(),
            username: Some(user.subject.clone()),
            is_bot_user: Some(user.is_bot),
            roles: user.roles.as_ref().map(IamRole::references),
            groups: user.groups.as_ref().map(|groups| {
                groups
                    .iter()
                    .map(|(id, name)| IamGroup::reference(id, name))
                    .collect()
            }),
            status: Some(user.status.clone()),
            last_active_at: None,
            last_login_at: None,
            created_at: user.created_at,
            updated_at: user.updated_at,
            multi_factor_enabled: None,
            avatar: user
                .picture
                .as_deref()
                .map(|url| File::at(&user.id.to_string(), url)),
        }
    }
}

impl File {
    fn at(owner: &str, url: &str) -> Self {
        Self {
            id: Some(composed(&format!("avatar_id:{owner}"))),
            remote_id: None,
            name: None,
            category: None,
            contents: None,
            category_id: None,
            created_at: None,
            updated_at: None,
            remote_url: Some(url.to_owned()),
            file_format: None,
        }
    }
}
