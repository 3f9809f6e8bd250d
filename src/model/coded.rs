//! Open enums: our word for a value, next to the source's own spelling.

use serde::{Deserialize, Serialize};

/// A value of an open enum in StackOne's manner: `{value, source_value}`.
///
/// A spelling that we do not know becomes `unmapped_value` and keeps its
/// `source_value`; it is data, not an error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Coded<E> {
    /// What it means in the unified schema.
    pub value: E,
    /// What the source wrote.
    pub source_value: Option<String>,
}

impl<E> Coded<E> {
    /// Pairs our word with the source's.
    pub fn new(value: E, source: impl Into<String>) -> Self {
        Self {
            value,
            source_value: Some(source.into()),
        }
    }
}

/// Whether a user can work in the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May log in.
    Enabled,
    /// May not log in.
    Disabled,
    /// Is known, but has not logged in yet.
    Pending,
    /// A status that we have no word for.
    UnmappedValue,
}

impl UserStatus {
    /// Returns the word for it in JSON: `enabled`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Pending => "pending",
            Self::UnmappedValue => "unmapped_value",
        }
    }
}

/// The kind of access a role gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleType {
    /// Administers.
    Admin,
    /// Views content.
    Viewer,
    /// Changes content.
    Editor,
    /// Works as an ordinary user.
    Basic,
    /// Works as a guest.
    Guest,
    /// Marks users with nothing assigned.
    Unassigned,
    /// Takes away more than it gives.
    Restricted,
    /// A type that we have no word for.
    UnmappedValue,
}

impl RoleType {
    /// Returns the word for it in JSON: `admin`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Basic => "basic",
            Self::Guest => "guest",
            Self::Unassigned => "unassigned",
            Self::Restricted => "restricted",
            Self::UnmappedValue => "unmapped_value",
        }
    }
}

/// What a group stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupType {
    /// A workspace.
    Workspace,
    /// A team.
    Team,
    /// A department.
    Department,
    /// A plain group of users.
    Group,
    /// Everybody.
    Organization,
    /// A type that we have no word for.
    UnmappedValue,
    /// A cost center.
    CostCenter,
}
