//! The cells of a role that a user holds.

use crate::control::{AccessRow, RoleMention};
use crate::model::TenantName;

use super::super::style::Tone;
use super::super::table::Cell;
use super::words;

/// Returns the cells, in the order of the columns.
pub(super) fn cells(tenant: &TenantName, row: &AccessRow) -> Vec<Cell> {
    let AccessRow { user, role, .. } = row;
    let usable = Cell::from(words::usable(user));
    vec![
        tenant.to_string().into(),
        user.label.clone().into(),
        user.email.clone().into(),
        user.id.0.to_string().into(),
        Cell::from(words::name(role)).toned(is_admin(role).then_some(Tone::Bad)),
        role.level.clone().into(),
        words::paths(&row.paths).into(),
        words::since(row.since),
        usable.toned(user.barrier.map(|_| Tone::Dim)),
    ]
}

fn is_admin(role: &RoleMention) -> bool {
    role.level.as_deref() == Some("admin")
}
