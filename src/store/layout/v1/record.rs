//! Users, roles and groups, in format 1.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{GroupId, Id, RoleId, Timestamp, UserId};
use crate::store::layout::stored;

/// A record in its block, with its text from the source.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body<'a> {
    pub record: Record<'a>,
    pub raw: Cow<'a, str>,
}

stored!(1: Body<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Role,
    Group,
    User,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordRef {
    pub kind: Kind,
    pub id: Id,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Record<'a> {
    Role(Role<'a>),
    Group(Group<'a>),
    User(User<'a>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Coded<'a, E> {
    pub value: E,
    pub source_value: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum UserStatus {
    Enabled,
    Disabled,
    Pending,
    UnmappedValue,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum RoleType {
    Admin,
    Viewer,
    Editor,
    Basic,
    Guest,
    Unassigned,
    Restricted,
    UnmappedValue,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum GroupType {
    Workspace,
    Team,
    Department,
    Group,
    Organization,
    UnmappedValue,
    CostCenter,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User<'a> {
    pub id: UserId,
    pub subject: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub email: Option<Cow<'a, str>>,
    pub status: Coded<'a, UserStatus>,
    pub is_bot: bool,
    pub client_id: Option<Cow<'a, str>>,
    pub roles: Option<Cow<'a, BTreeMap<RoleId, String>>>,
    pub groups: Option<Cow<'a, BTreeMap<GroupId, String>>>,
    pub scopes: Option<Cow<'a, BTreeSet<String>>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub invite_expires_at: Option<Timestamp>,
    pub picture: Option<Cow<'a, str>>,
    pub locale: Option<Cow<'a, str>>,
    pub zone_info: Option<Cow<'a, str>>,
    pub preferred_locale: Option<Cow<'a, str>>,
    pub preferred_zone_info: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "`type` is a word of the language"
)]
pub struct Role<'a> {
    pub id: RoleId,
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    pub role_type: Coded<'a, RoleType>,
    pub origin: Option<Cow<'a, str>>,
    pub level: Option<Cow<'a, str>>,
    pub permissions: Option<Cow<'a, BTreeSet<String>>>,
    pub scopes: Option<Cow<'a, BTreeSet<String>>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "`type` is a word of the language"
)]
pub struct Group<'a> {
    pub id: GroupId,
    pub name: Cow<'a, str>,
    pub description: Option<Cow<'a, str>>,
    pub group_type: Coded<'a, GroupType>,
    pub status: Option<Cow<'a, str>>,
    pub idp_id: Option<Cow<'a, str>>,
    pub roles: Option<Cow<'a, BTreeMap<RoleId, String>>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}
