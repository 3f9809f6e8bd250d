//! Which reports there are, and which columns each has.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// A report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportName {
    /// Users.
    Users,
    /// Roles.
    Roles,
    /// Groups, with the roles that they give.
    Groups,
    /// Which users are in which groups.
    Memberships,
    /// Which roles users hold: a row for each user, role and path.
    Access,
    /// Which rights users hold in spaces: a row for each user, right and path.
    SpaceAccess,
    /// What somebody should look at.
    Findings,
    /// What differs between two times in who holds which right.
    Changes,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Text.
    Text,
    /// A number of things.
    Number,
    /// Yes or no.
    Truth,
    /// A time.
    Time,
}

/// A column of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, which never changes.
    pub name: &'static str,
    /// The type of its cells.
    pub sort: Sort,
}

/// What a row has in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// Yes or no.
    Truth(bool),
    /// A time.
    Time(Timestamp),
    /// Nothing, or nothing that is known.
    Nothing,
}

impl Cell {
    /// Returns the cell of a text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns the cell of a text that may be missing.
    pub(super) fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Nothing, Self::text)
    }

    /// Returns the cell of a time that may be missing.
    pub(super) fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Nothing, Self::Time)
    }
}

const fn text(name: &'static str) -> Column {
    let sort = Sort::Text;
    Column { name, sort }
}

const fn number(name: &'static str) -> Column {
    let sort = Sort::Number;
    Column { name, sort }
}

const fn truth(name: &'static str) -> Column {
    let sort = Sort::Truth;
    Column { name, sort }
}

const fn time(name: &'static str) -> Column {
    let sort = Sort::Time;
    Column { name, sort }
}

const USERS: &[Column] = &[
    text("tenant"),
    text("user_id"),
    text("subject"),
    text("user_name"),
    text("email"),
    text("status"),
    text("source_status"),
    truth("bot"),
    truth("roles_visible"),
    truth("groups_visible"),
    time("created_at"),
    time("updated_at"),
];

const ROLES: &[Column] = &[
    text("tenant"),
    text("role_id"),
    text("role"),
    text("type"),
    text("level"),
    text("description"),
    text("permissions"),
    time("created_at"),
    time("updated_at"),
];

const GROUPS: &[Column] = &[
    text("tenant"),
    text("group_id"),
    text("group_name"),
    text("type"),
    text("status"),
    text("idp_id"),
    text("description"),
    truth("roles_visible"),
    text("role_ids"),
    time("created_at"),
    time("updated_at"),
];

const MEMBERSHIPS: &[Column] = &[
    text("tenant"),
    text("user_id"),
    text("subject"),
    text("user_name"),
    text("email"),
    text("group_id"),
    text("group_name"),
];

const ACCESS: &[Column] = &[
    text("tenant"),
    number("users"),
    text("user_id"),
    text("subject"),
    text("user_name"),
    text("email"),
    truth("bot"),
    truth("usable"),
    text("role_id"),
    text("role"),
    text("level"),
    text("path"),
    text("group_id"),
    text("group_name"),
];

const SPACE_ACCESS: &[Column] = &[
    text("tenant"),
    number("users"),
    text("user_id"),
    text("subject"),
    text("user_name"),
    text("email"),
    truth("bot"),
    truth("usable"),
    text("right_type"),
    text("space_id"),
    text("space"),
    text("app_id"),
    text("role"),
    text("path"),
    text("group_id"),
    text("group_name"),
];

const FINDINGS: &[Column] = &[
    text("tenant"),
    text("finding_id"),
    text("code"),
    text("severity"),
    text("user_id"),
    text("group_id"),
    text("licence_subject"),
    text("name"),
    text("detail"),
    text("why"),
];

const CHANGES: &[Column] = &[
    text("tenant"),
    number("users"),
    text("change"),
    text("account"),
    text("user_id"),
    text("subject"),
    text("user_name"),
    text("email"),
    text("right_type"),
    text("role_id"),
    text("role"),
    text("space_id"),
    text("space"),
    text("app_id"),
    text("paths_before"),
    text("paths_after"),
];

impl ReportName {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Users,
        Self::Roles,
        Self::Groups,
        Self::Memberships,
        Self::Access,
        Self::SpaceAccess,
        Self::Findings,
        Self::Changes,
    ];

    /// Returns its name, as in paths and file names: `space-access`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Roles => "roles",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::Access => "access",
            Self::SpaceAccess => "space-access",
            Self::Findings => "findings",
            Self::Changes => "changes",
        }
    }

    /// Returns the report of this name; `None` if there is none.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.word() == word)
    }

    /// Returns its columns.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Users => USERS,
            Self::Roles => ROLES,
            Self::Groups => GROUPS,
            Self::Memberships => MEMBERSHIPS,
            Self::Access => ACCESS,
            Self::SpaceAccess => SPACE_ACCESS,
            Self::Findings => FINDINGS,
            Self::Changes => CHANGES,
        }
    }
}
