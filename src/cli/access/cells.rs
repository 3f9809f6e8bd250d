//! The columns and cells of roles that users hold.

use crate::control::{AccessRow, SpaceRightRow};
use crate::model::TenantName;
use crate::view;

use super::super::style::Tone;
use super::super::table::{Cell, Column};
use super::words;

/// What a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// All roles of all users.
    All,
    /// One role: its name says nothing new.
    Role,
    /// One user, whose name says nothing new.
    User,
}

/// Returns the columns. What a table is about decides which columns are left out first on a narrow
/// screen.
pub(super) fn columns(about: About) -> &'static [Column] {
    const OF_ALL: [Column; 9] = ranked(About::All);
    const OF_ROLE: [Column; 9] = ranked(About::Role);
    const OF_USER: [Column; 9] = ranked(About::User);
    match about {
        About::All => &OF_ALL,
        About::Role => &OF_ROLE,
        About::User => &OF_USER,
    }
}

const fn ranked(about: About) -> [Column; 9] {
    [
        Column::new("TENANT", 4),
        Column::new("USER", about.rank(0, 0, 5)).shrinkable(16),
        Column::new("EMAIL", about.rank(2, 3, 7)).shrinkable(24),
        Column::new("ID", about.rank(6, 6, 8)),
        Column::new("ROLE", about.rank(0, 5, 0)).shrinkable(16),
        Column::new("LEVEL", about.rank(5, 7, 2)),
        Column::new("PATHS", 0).shrinkable(24),
        Column::new("SINCE", about.rank(7, 2, 3)),
        Column::new("USABLE", about.rank(1, 1, 6)),
    ]
}

impl About {
    const fn rank(self, all: u8, role: u8, user: u8) -> u8 {
        match self {
            Self::All => all,
            Self::Role => role,
            Self::User => user,
        }
    }
}

/// Returns the cells, in the order of the columns.
pub(super) fn cells(tenant: &TenantName, row: &AccessRow) -> Vec<Cell> {
    let AccessRow { user, role, .. } = row;
    let usable = Cell::from(words::usable(user));
    vec![
        tenant.to_string().into(),
        user.label.clone().into(),
        user.email.clone().into(),
        user.id.0.to_string().into(),
        Cell::from(view::role_name(role)).toned(role.is_admin().then_some(Tone::Bad)),
        role.level.clone().into(),
        view::paths_in_words(&row.paths).into(),
        words::since(row.since.as_ref()),
        usable.toned(user.barrier.map(|_| Tone::Dim)),
    ]
}

/// Returns the cells of a right in a space, in the order of the columns.
pub(super) fn cells_in_space(tenant: &TenantName, row: &SpaceRightRow) -> Vec<Cell> {
    let SpaceRightRow {
        user,
        right,
        paths,
        since,
        given_by: _,
    } = row;
    let usable = Cell::from(words::usable(user));
    vec![
        tenant.to_string().into(),
        user.label.clone().into(),
        user.email.clone().into(),
        user.id.0.to_string().into(),
        view::right_name(right).into(),
        None::<String>.into(),
        view::paths_in_words(paths).into(),
        (*since).into(),
        usable.toned(user.barrier.map(|_| Tone::Dim)),
    ]
}
