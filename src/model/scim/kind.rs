//! The types of resources that are served over SCIM.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::filter::AttributePath;
use super::schema::{
    ENTITLEMENT, ENTITLEMENT_EXTENSION, GROUP, GROUP_EXTENSION, Led, ROLE, ROLE_EXTENSION,
    ScimSchema, USER, USER_EXTENSION, lead,
};
use crate::model::Kind;

/// A type of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    /// Users.
    User,
    /// Groups.
    Group,
    /// Roles.
    Role,
    /// Roles in spaces, and scopes.
    Entitlement,
}

impl ResourceType {
    /// All types, in the order in which a search over all of them lists resources.
    pub const ALL: [Self; 4] = [Self::User, Self::Group, Self::Role, Self::Entitlement];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
            Self::Entitlement => "Entitlement",
        }
    }

    /// Returns the last part of the address of its list.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
            Self::Role => "Roles",
            Self::Entitlement => "Entitlements",
        }
    }

    /// Returns the type of the records of a kind.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Group => Self::Group,
            Kind::Role => Self::Role,
        }
    }

    /// Returns the kind of the records that it consists of; `None` for entitlements, which are not
    /// records.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::User => Some(Kind::User),
            Self::Group => Some(Kind::Group),
            Self::Role => Some(Kind::Role),
            Self::Entitlement => None,
        }
    }

    /// Returns its schema.
    pub fn schema(self) -> &'static ScimSchema {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
            Self::Role => &ROLE,
            Self::Entitlement => &ENTITLEMENT,
        }
    }

    /// Returns the schema of what its own schema has no attribute for.
    pub fn extension(self) -> &'static ScimSchema {
        match self {
            Self::User => &USER_EXTENSION,
            Self::Group => &GROUP_EXTENSION,
            Self::Role => &ROLE_EXTENSION,
            Self::Entitlement => &ENTITLEMENT_EXTENSION,
        }
    }

    /// Follows the name of an attribute; `None` if the type does not have it.
    pub fn lead(self, path: &AttributePath) -> Option<Led> {
        lead(self.schema(), self.extension(), path)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
